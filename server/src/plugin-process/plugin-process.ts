import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { HookName } from '@omniroute/shared/hook';
import { messageOf } from '../errors.ts';
import { Channel } from './channel.ts';
import type { Frame } from './child/frames.js';
import { frameTypes } from './child/protocol.js';
import { handshake, type HandshakeOptions } from './handshake.ts';
import { HookCallError } from './hook-call-error.ts';
import type { PluginLog } from './plugin-log.ts';
import { type HookReply, ProtocolFault, readReply } from './read-frame.ts';
import type { Command } from './sandbox.ts';
import { StderrTail } from './stderr-tail.ts';
import { signalGroup, terminate } from './terminate.ts';

const pingTimeoutMs = 1_000;
/** How long the pipes of a process that has exited are read for its last words. */
const drainMs = 250;
/** How long a process that is given up has to end by itself. */
const giveUpGraceMs = 500;

interface ProcessOptions extends HandshakeOptions {
  command: Command;
  env: Record<string, string>;
}

export interface ProcessExit {
  code: number | null;
  signal: string | null;
  /** One sentence: what the service saw, with the last of stderr. */
  reason: string;
  /** True when the service asked for it. */
  expected: boolean;
}

export interface HookCall {
  hook: HookName;
  /** The JSON head beside `hook`: `ctx`, and `response`, `error` or `summary`. Empty for lifecycle hooks. */
  head: object;
  parts: readonly (Uint8Array | null)[];
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** One running plugin: its process, and the channel to it. */
export class PluginProcess {
  readonly #child: ChildProcess;
  readonly #channel: Channel;
  readonly #log: PluginLog;
  readonly #stderr: StderrTail;
  #stopping = false;
  #fault: string | null = null;
  #pinging = false;

  readonly startedAtMs = performance.now();
  /** Settles when the process has ended, with whatever was still in flight rejected. Never rejects. */
  readonly exited: Promise<ProcessExit>;

  private constructor(child: ChildProcess, log: PluginLog) {
    const { stdout, stderr, stdio } = child;
    const [, , , socket] = stdio;
    if (!stdout || !stderr || !(socket instanceof Socket))
      throw new Error('a pipe of the process is missing');
    this.#child = child;
    this.#log = log;
    this.#stderr = new StderrTail(stderr);
    log.capture('stdout', stdout);
    log.capture('stderr', stderr);
    this.#channel = new Channel(socket, {
      onFault: (fault) => this.#giveUp(fault.message),
      onClose: () => this.#onChannelClosed(),
    });
    this.exited = this.#watch();
  }

  /**
   * Spawns the process and awaits the handshake: the module is loaded and exports every declared hook.
   *
   * @throws {Error} with the reason and the last lines of stderr; nothing is left running then
   */
  static async start(options: ProcessOptions): Promise<PluginProcess> {
    const plugin = new PluginProcess(await spawnProcess(options), options.log);
    try {
      await handshake(plugin.#channel, options);
      return plugin;
    } catch (error) {
      if (error instanceof ProtocolFault) plugin.#giveUp(error.message);
      await plugin.kill();
      throw new Error(plugin.#stderr.explain(messageOf(error)), { cause: error });
    }
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  /** Waits until every call in flight is settled, `timeoutMs` at most. */
  async idle(timeoutMs: number): Promise<void> {
    const { promise: expired, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    await Promise.race([this.#channel.idle(), expired]);
    clearTimeout(timer);
  }

  /** Runs one hook. Rejects with HookCallError. */
  async call({ hook, head, parts, timeoutMs, signal }: HookCall): Promise<HookReply> {
    if (this.#stopping) throw new HookCallError('NOT_RUNNING', 'the plugin is being stopped');
    const frame = await this.#channel.request({
      type: frameTypes.call,
      head: { hook, ...head },
      parts,
      timeoutMs,
      signal,
      onAbandoned: (failure) => this.#onAbandoned(failure),
    });
    return this.#read(frame);
  }

  /** Gives the plugin its new config and awaits `onConfigChange`. Rejects with HookCallError. */
  async configure(configJson: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const frame = await this.#channel.request({
      type: frameTypes.config,
      head: {},
      parts: [Buffer.from(configJson, 'utf8')],
      timeoutMs,
      signal,
      isControl: true,
      onAbandoned: (failure) => this.#onAbandoned(failure),
    });
    this.#read(frame);
  }

  /** Ends the process in good order and awaits its exit. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#channel.shutDown();
    await terminate(this.#child, this.exited);
  }

  /** Ends the process group at once and awaits its exit. */
  async kill(): Promise<void> {
    this.#stopping = true;
    signalGroup(this.#child, 'SIGKILL');
    await this.exited;
  }

  #read(frame: Frame): HookReply {
    try {
      return readReply(frame);
    } catch (error) {
      if (!(error instanceof ProtocolFault)) throw error;
      this.#giveUp(error.message);
      throw new HookCallError('EXITED', error.message);
    }
  }

  #onAbandoned(failure: 'TIMEOUT' | 'CANCELLED'): void {
    const { hopeless } = this.#channel;
    if (hopeless) this.#giveUp(hopeless);
    else if (failure === 'TIMEOUT') void this.#ping();
  }

  async #ping(): Promise<void> {
    if (this.#pinging) return;
    this.#pinging = true;
    try {
      await this.#channel.request({
        type: frameTypes.ping,
        head: {},
        parts: [],
        timeoutMs: pingTimeoutMs,
        isControl: true,
        onAbandoned: () =>
          this.#giveUp('it ran past a deadline and does not answer a ping: its event loop is blocked'),
      });
    } catch (error) {
      if (!(error instanceof HookCallError)) throw error;
    } finally {
      this.#pinging = false;
    }
  }

  /** A process that cannot be relied on is not repaired: it ends, and its exit says why. */
  #giveUp(reason: string): void {
    if (this.#fault !== null || this.#stopping) return;
    this.#fault = reason;
    this.#log.write('host', `stopped: ${reason}`);
    this.#channel.destroy();
    signalGroup(this.#child, 'SIGTERM');
    const kill = setTimeout(() => signalGroup(this.#child, 'SIGKILL'), giveUpGraceMs);
    void this.exited.then(() => clearTimeout(kill));
  }

  /** The channel of a process that ends closes, too: only one that lives on has closed it. */
  #onChannelClosed(): void {
    const timer = setTimeout(() => this.#giveUp('it closed its channel to the service'), drainMs);
    void this.exited.then(() => clearTimeout(timer));
  }

  #watch(): Promise<ProcessExit> {
    const { promise, resolve } = Promise.withResolvers<ProcessExit>();
    const settle = (code: number | null, signal: string | null) => {
      const how = describeExit(code, signal);
      const reason = this.#fault ? `${this.#fault} (${how})` : how;
      this.#channel.rejectAll(reason);
      resolve({ code, signal, reason: this.#stderr.explain(reason), expected: this.#stopping });
    };
    this.#child.once('exit', (code, signal) => {
      signalGroup(this.#child, 'SIGKILL');
      // The pipes still hold what the process said last. What outlives the group can keep them open for ever.
      const timer = setTimeout(() => settle(code, signal), drainMs);
      this.#child.once('close', () => {
        clearTimeout(timer);
        settle(code, signal);
      });
    });
    return promise;
  }
}

/** Rejects when the process cannot be started, for want of descriptors, say. */
async function spawnProcess({ command, cwd, env }: ProcessOptions): Promise<ChildProcess> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(command.file, command.args, {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
  child.once('spawn', resolve).on('error', reject);
  try {
    await promise;
    return child;
  } catch (error) {
    throw new Error(`its process cannot be started: ${messageOf(error)}`, { cause: error });
  }
}

function describeExit(code: number | null, signal: string | null): string {
  return signal ? `the process was ended by ${signal}` : `the process exited with code ${code ?? 'unknown'}`;
}
