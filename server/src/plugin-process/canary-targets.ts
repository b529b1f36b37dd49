import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer, type ListenOptions, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What the canary of one run is after, as it reads it from its command line. */
interface Targets {
  secret: string;
  secretFile: string;
  sibling: string;
  written: string;
  database: string;
  port: number;
  socket: string;
  pid: number;
}

/** Its exit code says that it was signalled; without that it ends when its input does. */
const victimScript = 'trap "exit 7" URG; echo ready; read line';
const signalledCode = 7;

/** A process that waits to be signalled. */
class Victim {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(secret: string): Promise<Victim> {
    const child = spawn('/bin/sh', ['-c', victimScript], {
      env: { CANARY: secret },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    return new Victim(child);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async wasSignalled(): Promise<boolean> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return exitCode === signalledCode;
    const exited = once(this.#child, 'exit');
    this.#child.stdin?.on('error', () => {}).end();
    return (await exited)[0] === signalledCode;
  }
}

/** Real files, sockets and processes for canaries to reach: they are within reach of this service, and of no plugin. */
export class CanaryTargets implements AsyncDisposable {
  /** Where a canary runs: what a plugin's folder is to a plugin. */
  readonly pluginDir: string;
  readonly #base: string;
  readonly #port: number;
  readonly #secret: string;
  readonly #cleanup: AsyncDisposableStack;

  private constructor(base: string, port: number, secret: string, cleanup: AsyncDisposableStack) {
    this.#base = base;
    this.#port = port;
    this.#secret = secret;
    this.#cleanup = cleanup;
    this.pluginDir = join(base, 'plugin');
  }

  static async plant(): Promise<CanaryTargets> {
    await using cleanup = new AsyncDisposableStack();
    const base = await realpath(await mkdtemp(join(shortTmpdir(), 'omniroute-canary-')));
    cleanup.defer(() => rm(base, { recursive: true, force: true }));
    const secret = randomUUID();
    await writeFile(join(base, 'secret.txt'), secret);
    await mkdir(join(base, 'plugin'));
    const tell = () => createServer((socket) => socket.on('error', () => socket.destroy()).end(secret));
    const tcp = cleanup.use(await listen(tell(), { port: 0, host: '127.0.0.1' }));
    cleanup.use(await listen(tell(), { path: join(base, 'socket') }));
    const address = tcp.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return new CanaryTargets(base, port, secret, cleanup.move());
  }

  /**
   * Lets `run` loose on targets of its own.
   *
   * @returns what `run` resolves to, and whether its victim was signalled
   */
  async hunt<T>(run: (targets: Targets) => Promise<T>): Promise<{ result: T; signalled: boolean }> {
    const id = randomUUID();
    const victim = await Victim.start(this.#secret);
    try {
      const result = await run({
        secret: this.#secret,
        secretFile: join(this.#base, 'secret.txt'),
        sibling: 'secret.txt',
        written: join(this.#base, `${id}.txt`),
        database: join(this.#base, `${id}.sqlite`),
        port: this.#port,
        socket: join(this.#base, 'socket'),
        pid: victim.pid,
      });
      return { result, signalled: await victim.wasSignalled() };
    } finally {
      await victim.wasSignalled();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#cleanup.disposeAsync();
  }
}

/** The path of a socket may have some hundred characters, and not more. */
function shortTmpdir(): string {
  return tmpdir().length <= 64 ? tmpdir() : '/tmp';
}

async function listen(server: Server, where: ListenOptions): Promise<Server> {
  const listening = once(server, 'listening');
  server.listen(where);
  await listening;
  return server;
}
