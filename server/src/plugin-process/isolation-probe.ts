import { spawn } from 'node:child_process';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Isolation } from '@omniroute/shared/plugin';
import type { Logger } from '../logger.ts';
import { nodeFlags, type SandboxTools, wrap } from './sandbox.ts';

const canaryProgram = fileURLToPath(new URL('./child/canary.js', import.meta.url));
const canaryTimeoutMs = 10_000;

/** What the canary tries, in its order. */
const attempts = ['readFile', 'writeFile', 'connect', 'openSqlite', 'spawn', 'signal', 'setFlag'] as const;
type Attempt = (typeof attempts)[number];

const gapOf: Record<Attempt, string> = {
  readFile: 'It can read files that it was not given.',
  writeFile: 'It can write files that it was not given.',
  connect: 'It can open network connections of its own.',
  openSqlite: 'It can open any file as an SQLite database.',
  spawn: 'It can start other programs.',
  signal: 'It can signal other processes of this user.',
  setFlag: "It can set V8's flags, and so overwrite any file.",
};

/** Node's permission model does not promise these. */
const beyondNode: readonly Attempt[] = ['signal'];

/** What this machine enforces for every plugin. */
export type MachineIsolation = Pick<Isolation, 'level' | 'layers' | 'gaps'>;

/**
 * Starts a process as a plugin's and lets it try what it must not be able to do. What it says is the level, not
 * the configuration: 2 when Node's permission model refused all of it, else 1.
 */
export async function probeIsolation(tools: SandboxTools, logger: Logger): Promise<MachineIsolation> {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'omniroute-canary-')));
  try {
    return describe(tools, await runCanaries(tools, base));
  } catch (error) {
    logger.error({ err: error }, 'isolation.probe-failed');
    return {
      level: 1,
      layers: ['installer', 'process'],
      gaps: ['What confines it is not known: the check at the start of the service failed.'],
    };
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}

function describe(tools: SandboxTools, worked: readonly Attempt[]): MachineIsolation {
  const isHeld = worked.every((name) => beyondNode.includes(name));
  const gaps = [
    'No layer of the operating system confines it.',
    ...worked.map((name) => gapOf[name]),
    ...(tools.prlimit
      ? []
      : ['Its descriptors and its memory outside the JavaScript heap are not limited: prlimit is missing.']),
    ...(tools.setpriv
      ? []
      : ['In an endless loop it can outlive a service that is killed: setpriv is missing.']),
  ];
  return isHeld
    ? { level: 2, layers: ['installer', 'process', 'node'], gaps }
    : { level: 1, layers: ['installer', 'process'], gaps };
}

/** The attempts that worked. */
async function runCanaries(tools: SandboxTools, base: string): Promise<Attempt[]> {
  const secret = join(base, 'secret.txt');
  await writeFile(secret, 'canary');
  const server = createServer((socket) => socket.destroy());
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(0, '127.0.0.1', resolve);
  await listening;
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  try {
    const targets = {
      secret,
      written: join(base, 'written.txt'),
      database: join(base, 'db.sqlite'),
      port,
      pid: process.pid,
    };
    const flags = nodeFlags({
      pluginDir: fileURLToPath(new URL('./child/', import.meta.url)),
      readPaths: [],
      writePaths: [],
    });
    const { file, args } = wrap(tools, [process.execPath, ...flags, canaryProgram, JSON.stringify(targets)]);
    return readOutcome(await readOutput(file, args, base));
  } finally {
    server.close();
  }
}

/** An attempt that the canary did not survive was stopped; the ones after it must have been the last. */
function readOutcome(output: string): Attempt[] {
  const lines = new Set(output.split('\n'));
  const names = attempts.filter((name) => lines.has(`${name} worked`) || lines.has(`${name} refused`));
  if (names.length < attempts.length - 1)
    throw new Error(`the canary stopped after: ${names.at(-1) ?? 'nothing'}`);
  return names.filter((name) => lines.has(`${name} worked`));
}

async function readOutput(file: string, args: readonly string[], cwd: string): Promise<string> {
  const child = spawn(file, args, {
    cwd,
    env: {},
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: canaryTimeoutMs,
    killSignal: 'SIGKILL',
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.once('error', reject).once('close', () => resolve());
  await promise;
  return Buffer.concat(chunks).toString('utf8');
}
