import type { HookName } from '@omniroute/shared/hook';
import type { MachineIsolation } from '@omniroute/shared/isolation';
import type { ProcessFault } from '@omniroute/shared/process-fault';
import { messageOf } from '../errors.ts';
import type { PluginFetch } from '../outbound/plugin-fetch.ts';
import { Channel } from './channel.ts';
import type { Frame } from './child/frames.js';
import { frameTypes } from './child/protocol.js';
import { ConfinedChild } from './confined-child.ts';
import { handshake, type HandshakeOptions } from './handshake.ts';
import { HookCallError } from './hook-call-error.ts';
import type { PluginLog } from './plugin-log.ts';
import { type HookReply, ProtocolFault, readReply } from './read-frame.ts';
import { describeExit, type ProcessExit, StartError } from './process-exit.ts';
import type { ResourceLimits } from './resource-limits.ts';
import { heapMegabytes, maxMemoryBytes } from './memory-limits.ts';
import type { Confinement } from './sandbox.ts';
import { StderrTail } from './stderr-tail.ts';
import { terminate } from './terminate.ts';

const pingTimeoutMs = 1_000;
/** How long the pipes of a process that has exited are read for its last words. */
const drainMs = 250;
/** How long a process that is given up has to end by itself. */
const giveUpGraceMs = 500;

interface ProcessOptions extends Omit<HandshakeOptions, 'network'> {
  confinement: Confinement;
  env: Record<string, string>;
  limits: ResourceLimits;
  monotonicMs: () => number;
  /** Makes its requests; null without the permission to make any. */
  fetcher: PluginFetch | null;
  /** It reached a limit or broke the protocol; some faults end the process, others only refuse what is over. */
  onFault: (fault: ProcessFault, message: string) => void;
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
  readonly #child: ConfinedChild;
  readonly #channel: Channel;
  readonly #log: PluginLog;
  readonly #stderr: StderrTail;
  readonly #onFault: ProcessOptions['onFault'];
  #stopping = false;
  #givenUp: { fault: ProcessFault; reason: string } | null = null;
  #pinging = false;

  readonly startedAtMs = performance.now();
  /** What confines it. */
  readonly isolation: MachineIsolation;
  /** Settles when the process has ended, with whatever was still in flight rejected. Never rejects. */
  readonly exited: Promise<ProcessExit>;

  private constructor(child: ConfinedChild, options: ProcessOptions) {
    const { confinement, log, limits, dataDir, onFault, monotonicMs, fetcher } = options;
    const { stdout, stderr, socket } = child;
    this.#child = child;
    this.isolation = confinement.isolation;
    this.#log = log;
    this.#onFault = onFault;
    this.#stderr = new StderrTail(stderr);
    const onDropped = (message: string) => this.#note('LOG_RATE', message);
    log.capture('stdout', stdout, onDropped);
    log.capture('stderr', stderr, onDropped);
    this.#channel = new Channel(socket, {
      onFault: ({ fault, message }) => this.#giveUp(fault, message),
      onClose: () => this.#onChannelClosed(),
      onRateExceeded: (message) => this.#note('FRAME_RATE', message),
      monotonicMs,
      fetcher,
    });
    this.exited = this.#watch();
    const endWatch = limits.watch({ pids: () => child.pids(), dataDir }, (fault, message) =>
      this.#giveUp(fault, message),
    );
    child.onExit(endWatch);
  }

  /**
   * Spawns the process and awaits the handshake: the module is loaded and exports every declared hook.
   *
   * @throws {StartError} with the reason and the last lines of stderr; nothing is left running then
   * @throws {Error} where there is no process at all
   */
  static async start(options: ProcessOptions): Promise<PluginProcess> {
    const { command, hasChildren } = options.confinement;
    const child = await ConfinedChild.spawn({ ...options, command, hasChildren });
    const plugin = new PluginProcess(child, options);
    try {
      await handshake(plugin.#channel, { ...options, network: options.fetcher !== null });
      await child.findPid();
      return plugin;
    } catch (error) {
      if (error instanceof ProtocolFault) plugin.#giveUp(error.fault, error.message);
      // One that closed its channel has ended, or is given up soon: how says more than that it does not answer.
      if (error instanceof HookCallError && error.failure === 'EXITED') {
        const exit = await plugin.exited;
        throw new StartError(exit.reason, exit, error);
      }
      await plugin.kill();
      throw new StartError(plugin.#stderr.explain(messageOf(error)), await plugin.exited, error);
    }
  }

  get pid(): number | null {
    return this.#child.pid;
  }

  /** Proportional set size, with that of the processes that it has started. Null where the machine does not tell it. */
  memoryBytes(): Promise<number | null> {
    return this.#child.memoryBytes();
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
    if (!this.#channel.isOpen) throw new HookCallError('NOT_RUNNING', 'its process cannot be reached');
    try {
      const frame = await this.#channel.request({
        type: frameTypes.call,
        head: { hook, ...head },
        parts,
        timeoutMs,
        signal,
        onAbandoned: (failure) => this.#onAbandoned(failure),
      });
      return this.#read(frame);
    } catch (error) {
      if (error instanceof HookCallError && error.fault) this.#note(error.fault, error.message);
      throw error;
    }
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
    this.#child.signal('SIGKILL');
    await this.exited;
  }

  #read(frame: Frame): HookReply {
    try {
      return readReply(frame);
    } catch (error) {
      if (!(error instanceof ProtocolFault)) throw error;
      this.#giveUp(error.fault, error.message);
      throw new HookCallError('EXITED', error.message);
    }
  }

  #onAbandoned(failure: 'TIMEOUT' | 'CANCELLED'): void {
    const { hopeless } = this.#channel;
    if (hopeless) this.#giveUp('UNRESPONSIVE', hopeless);
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
          this.#giveUp(
            'UNRESPONSIVE',
            'it ran past a deadline and does not answer a ping: its event loop is blocked',
          ),
      });
    } catch (error) {
      if (!(error instanceof HookCallError)) throw error;
    } finally {
      this.#pinging = false;
    }
  }

  /**
   * Ends a process that cannot be relied on: it is not repaired, and its exit says why. Its calls in flight are settled
   * at once.
   */
  #giveUp(fault: ProcessFault, reason: string): void {
    if (this.#givenUp !== null || this.#stopping) return;
    this.#givenUp = { fault, reason };
    this.#note(fault, reason);
    this.#channel.destroy(reason);
    this.#child.signal('SIGTERM');
    const kill = setTimeout(() => this.#child.signal('SIGKILL'), giveUpGraceMs);
    void this.exited.then(() => clearTimeout(kill));
  }

  /** The channel of a process that ends closes, too: only one that lives on has closed it. */
  #onChannelClosed(): void {
    const giveUp = () => {
      if (this.#child.hasExited) return;
      this.#giveUp('CHANNEL_CLOSED', 'it closed its channel to the service');
    };
    // Where the service was busy all the while, the exit is there to be seen, and has not been.
    const timer = setTimeout(() => setImmediate(giveUp), drainMs);
    void this.exited.then(() => clearTimeout(timer));
  }

  #note(fault: ProcessFault, message: string): void {
    this.#log.write('host', `${fault}: ${message}`);
    this.#onFault(fault, message);
  }

  /** V8 ends a process without memory by itself, and says so on stderr only. */
  #noteHeapLimit(signal: string | null): void {
    if (this.#givenUp || signal === null || !this.#stderr.saysOutOfMemory) return;
    const reason = `it ran out of memory: its JavaScript heap may hold ${heapMegabytes} MiB, and all of it ${maxMemoryBytes / 1024 / 1024} MiB`;
    this.#givenUp = { fault: 'MEMORY_LIMIT', reason };
    this.#note('MEMORY_LIMIT', reason);
  }

  async #watch(): Promise<ProcessExit> {
    const { code, signal, isLayerFailure } = await this.#child.ended(drainMs);
    this.#noteHeapLimit(signal);
    const how = isLayerFailure ? 'what should confine it did not start' : describeExit(code, signal);
    const reason = this.#givenUp ? `${this.#givenUp.reason} (${how})` : how;
    this.#channel.destroy(reason);
    const fault = this.#givenUp?.fault ?? null;
    return { code, signal, fault, isLayerFailure, reason: this.#stderr.explain(reason) };
  }
}
