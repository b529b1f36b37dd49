import { spawn } from 'node:child_process';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Isolation } from '@omniroute/shared/plugin';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { nodeFlags, type SandboxTools, wrap } from './sandbox.ts';

const canaryProgram = fileURLToPath(new URL('./child/canary.js', import.meta.url));
const canaryTimeoutMs = 10_000;

const attempts = ['readFile', 'writeFile', 'connect', 'openSqlite', 'spawn'] as const;
const attemptsSchema = z.record(z.enum(attempts), z.boolean());

const gapOf: Record<(typeof attempts)[number], string> = {
  readFile: 'It can read files that it was not given.',
  writeFile: 'It can write files that it was not given.',
  connect: 'It can open network connections of its own.',
  openSqlite: 'It can open any file as an SQLite database.',
  spawn: 'It can start other programs.',
};

/** What this machine enforces for every plugin. */
export type MachineIsolation = Pick<Isolation, 'level' | 'layers' | 'gaps'>;

/**
 * Starts a process as a plugin's and lets it try what it must not be able to do. What it says is the level, not
 * the configuration: 2 when Node's permission model refused all of it, else 1.
 */
export async function probeIsolation(tools: SandboxTools, logger: Logger): Promise<MachineIsolation> {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'omniroute-canary-')));
  try {
    const outcome = await runCanaries(tools, base);
    const open = attempts.filter((name) => outcome[name]);
    return describe(tools, open.map((name) => gapOf[name]));
  } catch (error) {
    logger.error({ err: error }, 'isolation.probe-failed');
    return describe(tools, [`The start-up check of the isolation did not finish: ${messageOf(error)}`]);
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}

function describe(tools: SandboxTools, holes: readonly string[]): MachineIsolation {
  const gaps = [
    ...holes,
    ...(holes.length === 0 ? ["Node's permission model stops mistakes, not hostile code."] : []),
    'No layer of the operating system confines it: it can signal other processes of this user and fill its own folder.',
    ...(tools.prlimit ? [] : ['Its memory outside the JavaScript heap and its descriptors are not limited: prlimit is missing.']),
    ...(tools.setpriv ? [] : ['A plugin in an endless loop can outlive a service that is killed: setpriv is missing.']),
  ];
  return holes.length === 0
    ? { level: 2, layers: ['installer', 'process', 'node'], gaps }
    : { level: 1, layers: ['installer', 'process'], gaps };
}

async function runCanaries(tools: SandboxTools, base: string): Promise<z.infer<typeof attemptsSchema>> {
  const secret = join(base, 'secret.txt');
  await writeFile(secret, 'canary');
  const server = createServer((socket) => socket.destroy());
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(0, '127.0.0.1', resolve);
  await listening;
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  try {
    const targets = JSON.stringify({ secret, written: join(base, 'written.txt'), database: join(base, 'db.sqlite'), port });
    const flags = nodeFlags({ pluginDir: fileURLToPath(new URL('./child/', import.meta.url)), readPaths: [], writePaths: [] });
    const { file, args } = wrap(tools, [process.execPath, ...flags, canaryProgram, targets]);
    return attemptsSchema.parse(JSON.parse(await readOutput(file, args, base)));
  } finally {
    server.close();
  }
}

async function readOutput(file: string, args: readonly string[], cwd: string): Promise<string> {
  const child = spawn(file, args, { cwd, env: {}, stdio: ['ignore', 'pipe', 'ignore'], timeout: canaryTimeoutMs, killSignal: 'SIGKILL' });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.once('error', reject).once('close', (code, signal) => {
    if (code === 0) resolve();
    else reject(new Error(`the canary ended with ${signal ?? `code ${code}`}`));
  });
  await promise;
  return Buffer.concat(chunks).toString('utf8');
}
