import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { proportionalBytes } from './process-memory.ts';
import { childOf, descendantsOf } from './process-tree.ts';
import { SandboxStatus } from './sandbox-status.ts';
import { spawnProcess, type SpawnOptions } from './spawn-process.ts';
import { signalGroup } from './terminate.ts';

interface Options extends SpawnOptions {
  /** Whether the plugin may start processes of its own. */
  hasChildren: boolean;
}

interface HowItEnded {
  code: number | null;
  signal: string | null;
  /** Whether a layer around the plugin's process has failed, so that the plugin has not run at all. */
  isLayerFailure: boolean;
}

/**
 * The process of a plugin, and what is around it: with a layer that forks, the process that is spawned is the layer's
 * own, and the plugin's another one inside.
 */
export class ConfinedChild {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Descriptor 3. */
  readonly socket: Socket;
  readonly #process: ChildProcess;
  readonly #status: SandboxStatus | null;
  readonly #hasChildren: boolean;
  #pid: number | null = null;

  private constructor(child: ChildProcess, { command, hasChildren }: Options) {
    const [, stdout, stderr, socket, status] = child.stdio;
    if (
      !(stdout instanceof Socket && stderr instanceof Socket && socket instanceof Socket) ||
      (command.forks && !(status instanceof Socket))
    )
      throw new Error('a pipe of the process is missing');
    this.stdout = stdout;
    this.stderr = stderr;
    this.socket = socket;
    this.#process = child;
    this.#status = status instanceof Socket ? new SandboxStatus(status) : null;
    this.#hasChildren = hasChildren;
  }

  /** Rejects where there is no process at all. */
  static async spawn(options: Options): Promise<ConfinedChild> {
    return new ConfinedChild(await spawnProcess(options), options);
  }

  /** Whether its end is there to be seen, heard of or not. */
  get hasExited(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** The number of the plugin's own process, as this service sees it. Null while it is not known. */
  get pid(): number | null {
    return this.#pid;
  }

  /** Finds out {@link pid}; the plugin's process runs by now. */
  async findPid(): Promise<number | null> {
    const init = this.#status?.initPid ?? null;
    this.#pid ??= init === null ? (this.#process.pid ?? null) : await childOf(init);
    return this.#pid;
  }

  /** The processes whose memory is the plugin's. */
  async pids(): Promise<number[]> {
    const init = this.#status?.initPid ?? null;
    if (this.#hasChildren && init !== null) return descendantsOf(init);
    const pid = await this.findPid();
    return pid === null ? [] : [pid];
  }

  /** Proportional set size of all of them. Null where the machine does not tell it. */
  async memoryBytes(): Promise<number | null> {
    const shares = await Promise.all((await this.pids()).map(proportionalBytes));
    const known = shares.filter((share) => share !== null);
    return known.length === 0 ? null : known.reduce((sum, share) => sum + share, 0);
  }

  /** Signals the plugin's process and those that it has started. SIGKILL leaves none. */
  signal(signal: NodeJS.Signals): void {
    const { exitCode, signalCode } = this.#process;
    // Its numbers may be those of other processes by now.
    if (exitCode !== null || signalCode !== null) return;
    const init = this.#status?.initPid ?? null;
    if (init !== null) signalGroup(init, signal);
    // The layer's own process would end at any signal, and everything inside with it at once.
    if (init === null || signal === 'SIGKILL') signalGroup(this.#process.pid, signal);
  }

  onExit(listener: () => void): void {
    this.#process.once('exit', listener);
  }

  /** Resolves when it has ended and its pipes are read, the latter within `drainMs`: what it leaves can hold them for ever. */
  ended(drainMs: number): Promise<HowItEnded> {
    const { promise, resolve } = Promise.withResolvers<HowItEnded>();
    this.#process.once('exit', (code, signal) => {
      // One inside ends with the layer's process, by --die-with-parent; its number may be another's soon.
      signalGroup(this.#process.pid, 'SIGKILL');
      const settle = () => resolve(this.#howItEnded(code, signal));
      const timer = setTimeout(settle, drainMs);
      this.#process.once('close', () => {
        clearTimeout(timer);
        settle();
      });
    });
    return promise;
  }

  /** A layer that forks ends with 128 and the signal's number where a signal has ended the plugin's process. */
  #howItEnded(code: number | null, signal: string | null): HowItEnded {
    if (this.#status === null || code === null) return { code, signal, isLayerFailure: false };
    if (!this.#status.hasRun) return { code, signal, isLayerFailure: true };
    const inner = signalNames.get(code - 128);
    return inner === undefined
      ? { code, signal, isLayerFailure: false }
      : { code: null, signal: inner, isLayerFailure: false };
  }
}

/** By number. Of two names for one, such as SIGABRT and SIGIOT, the first is the usual one. */
const signalNames = new Map(
  Object.entries(constants.signals)
    .toReversed()
    .map(([name, number]) => [number, name]),
);
