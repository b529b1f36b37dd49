import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { canaries, type Canary } from '@omniroute/shared/isolation';
import { canaryProgram } from './child-program.ts';
import type { CanaryTargets } from './canary-targets.ts';
import { type Command, composeCommand } from './layers/compose.ts';
import type { Layer } from './layers/layer.ts';
import { signalGroup } from './terminate.ts';

const timeoutMs = 5_000;
const maxOutputBytes = 64 * 1024;

/** What a canary could do. */
export interface CanaryOutcome {
  worked: ReadonlySet<Canary>;
  /** Why it did not run to its end, so that what it did not do says nothing; null where it did. */
  failure: string | null;
}

/** Runs the canary under `layers`. Never rejects for what becomes of it. */
export async function runCanary(targets: CanaryTargets, layers: readonly Layer[]): Promise<CanaryOutcome> {
  const { pluginDir } = targets;
  const { result, signalled } = await targets.hunt((prey) =>
    readOutput(composeCommand(layers, [canaryProgram, JSON.stringify(prey)], grantsIn(pluginDir)), pluginDir),
  );
  const lines = new Set(result.stdout.split('\n'));
  const tried = canaries.filter((name) => lines.has(`${name} worked`) || lines.has(`${name} refused`));
  const worked = tried.filter((name) => (name === 'signal' ? signalled : lines.has(`${name} worked`)));
  // The last attempt may end the process, and is then refused.
  const isWhole = tried.length >= canaries.length - 1;
  return { worked: new Set(worked), failure: isWhole ? null : (result.failure ?? 'it ended too soon') };
}

function grantsIn(pluginDir: string) {
  return { pluginDir, readPaths: [], writePaths: [], exec: false };
}

async function readOutput(
  { file, args }: Command,
  cwd: string,
): Promise<{ stdout: string; failure: string | null }> {
  const child = spawn(file, args, {
    cwd,
    env: {},
    // A canary has no channel; a layer may say on descriptor 4 what it does.
    stdio: ['ignore', 'pipe', 'pipe', 'ignore', 'pipe'],
    detached: true,
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  collect(child.stdio[4]);
  const { promise: closed, resolve } = Promise.withResolvers<string | null>();
  child
    .once('error', (error) => resolve(error.message))
    // A layer that fails can leave what it has started waiting for it.
    .once('exit', () => signalGroup(child.pid, 'SIGKILL'))
    .once('close', () => resolve(null));
  const timer = setTimeout(() => {
    resolve(`it did not end within ${timeoutMs / 1_000} s`);
    signalGroup(child.pid, 'SIGKILL');
  }, timeoutMs);
  const failure = await closed;
  clearTimeout(timer);
  return { stdout: stdout(), failure: failure ?? lastLine(stderr()) };
}

function collect(stream: Readable | Writable | null | undefined): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxOutputBytes) chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function lastLine(text: string): string | null {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.findLast((line) => line !== '')?.slice(0, 300) ?? null;
}
