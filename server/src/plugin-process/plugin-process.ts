import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { HookName } from '@omniroute/shared/hook';
import type { z } from 'zod';
import { type Frame, FrameReader, FrameWriter, splitParts } from './child/frames.js';
import { frameTypes, protocolVersion } from './child/protocol.js';
import { HookCallError } from './hook-call-error.ts';
import { failureSchema, type HookResult, isTooDeep, readySchema, resultSchema } from './messages.ts';
import { PendingCalls } from './pending-calls.ts';
import type { PluginLog } from './plugin-log.ts';
import type { Command } from './sandbox.ts';
import { signalGroup, terminate } from './terminate.ts';
import { messageOf } from '../errors.ts';

const pingTimeoutMs = 1_000;
/** How long the pipes of a process that has exited are read for its last words. */
const drainMs = 250;
/** Room for what Node prints of an uncaught error: its place, its message and ten frames. */
const maxLastErrors = 16;

export interface ProcessOptions {
  name: string;
  version: string;
  /** Absolute path of the entry file. */
  entry: string;
  /** The hooks that the manifest enables: the module must export each one. */
  hooks: readonly HookName[];
  manifestJson: string;
  /** The effective config as JSON. */
  configJson: string;
  dataDir: string | undefined;
  command: Command;
  env: Record<string, string>;
  cwd: string;
  log: PluginLog;
  handshakeTimeoutMs: number;
  /** Aborts when the service stops. */
  signal: AbortSignal;
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

export interface HookReply {
  head: HookResult;
  parts: (Buffer | null)[];
}

/** One running plugin: its process, and the channel on descriptor 3. */
export class PluginProcess {
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  readonly #writer: FrameWriter;
  readonly #reader = new FrameReader();
  readonly #calls = new PendingCalls();
  readonly #log: PluginLog;
  #stopping = false;
  #fault: string | null = null;
  #pinging = false;
  #lastErrors: string[] = [];

  readonly startedAtMs = performance.now();
  /** Settles when the process has ended, with whatever was still in flight rejected. Never rejects. */
  readonly exited: Promise<ProcessExit>;

  private constructor(child: ChildProcess, log: PluginLog) {
    const channel = child.stdio[3];
    if (!(channel instanceof Socket)) throw new Error('the channel of a plugin process is not a socket');
    this.#child = child;
    this.#log = log;
    this.#socket = channel;
    this.#writer = new FrameWriter(channel);
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
      await plugin.#handshake(options);
      return plugin;
    } catch (error) {
      await plugin.kill();
      throw new Error(plugin.#explain(messageOf(error)), {
        cause: error,
      });
    }
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  /** Waits until every call in flight is settled, `timeoutMs` at most. */
  async idle(timeoutMs: number): Promise<void> {
    const { promise: expired, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    await Promise.race([this.#calls.idle(), expired]);
    clearTimeout(timer);
  }

  /** Runs one hook. Rejects with HookCallError. */
  async call({ hook, head, parts, timeoutMs, signal }: HookCall): Promise<HookReply> {
    if (this.#stopping) throw new HookCallError('NOT_RUNNING', 'the plugin is being stopped');
    const frame = await this.#calls.start({
      timeoutMs,
      bytes: parts.reduce((sum, part) => sum + (part?.length ?? 0), 0),
      signal,
      send: (id) => this.#writer.write(frameTypes.call, id, { hook, ...head }, parts),
      onAbandoned: (id, failure) => this.#onAbandoned(id, failure),
    });
    return this.#readReply(frame);
  }

  /** Gives the plugin its new config and awaits `onConfigChange`. Rejects with HookCallError. */
  async configure(configJson: string, timeoutMs: number): Promise<void> {
    const bytes = Buffer.from(configJson, 'utf8');
    const frame = await this.#calls.start({
      timeoutMs,
      bytes: bytes.length,
      signal: undefined,
      isControl: true,
      send: (id) => this.#writer.write(frameTypes.config, id, {}, [bytes]),
      onAbandoned: (id, failure) => this.#onAbandoned(id, failure),
    });
    this.#readReply(frame);
  }

  /** Ends the process in good order and awaits its exit. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#socket.writable) {
      this.#writer.write(frameTypes.shutdown, 0, {});
      this.#writer.flush();
    }
    await terminate(this.#child, this.exited);
  }

  /** Ends the process group at once and awaits its exit. */
  async kill(): Promise<void> {
    this.#stopping = true;
    signalGroup(this.#child, 'SIGKILL');
    await this.exited;
  }

  async #handshake(options: ProcessOptions): Promise<void> {
    const parts = [Buffer.from(options.manifestJson, 'utf8'), Buffer.from(options.configJson, 'utf8')];
    const { name, version, entry, hooks, dataDir } = options;
    const frame = await this.#calls
      .start({
        timeoutMs: options.handshakeTimeoutMs,
        bytes: 0,
        signal: options.signal,
        send: (id) => {
          this.#writer.write(
            frameTypes.hello,
            id,
            { protocol: protocolVersion, name, version, entry, hooks, dataDir },
            parts,
          );
        },
        onAbandoned: () => {},
      })
      .catch((error: unknown) => {
        if (!(error instanceof HookCallError) || error.failure !== 'TIMEOUT') throw error;
        throw new Error(`it did not finish loading within ${options.handshakeTimeoutMs / 1_000} s`, {
          cause: error,
        });
      });
    if (frame.type === frameTypes.loadFailed) {
      const failure = this.#parse(failureSchema, frame.head);
      this.#log.write('host', `loading failed: ${failure.message}`);
      const where = ownLines(failure.stack, options.cwd);
      for (const line of where) this.#log.write('stderr', line);
      throw new Error([`it failed to load: ${failure.message}`, ...where].join('\n'));
    }
    const ready = this.#parse(readySchema, frame.type === frameTypes.ready ? frame.head : null);
    if (ready.missing.length > 0) {
      throw new Error(
        `plugin.json declares hooks that the entry file does not export: ${ready.missing.join(', ')}`,
      );
    }
    const loaded = new Set(ready.hooks);
    if (!hooks.every((hook) => loaded.has(hook)))
      throw new Error('it did not report every hook that plugin.json declares');
  }

  #readReply(frame: Frame): HookReply {
    if (frame.type === frameTypes.failure) {
      const failure = this.#parse(failureSchema, frame.head);
      throw new HookCallError(failure.kind, failure.message, failure.stack);
    }
    if (isTooDeep(frame.head))
      throw new HookCallError('INVALID_RETURN', 'the returned metadata nests too deep');
    const parsed = resultSchema.safeParse(frame.type === frameTypes.result ? frame.head : null);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw new HookCallError(
        'INVALID_RETURN',
        `${issue?.path.join('.') ?? 'the return'}: ${issue?.message ?? 'not acceptable'}`,
      );
    }
    try {
      return { head: parsed.data, parts: splitParts(frame.body, parsed.data.parts) };
    } catch (error) {
      throw this.#protocolFault(error);
    }
  }

  #parse<T extends z.ZodType>(schema: T, head: unknown): z.infer<T> {
    const parsed = schema.safeParse(head);
    if (parsed.success) return parsed.data;
    throw this.#protocolFault(new Error('a frame does not have the expected shape'));
  }

  #onData(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.push(chunk)) {
        if (this.#calls.answer(frame)) continue;
        throw new Error(`an unexpected frame (type ${frame.type}, id ${frame.id})`);
      }
    } catch (error) {
      this.#protocolFault(error);
    }
  }

  /** A broken channel is not repaired: the process ends, and its exit says why. */
  #protocolFault(error: unknown): HookCallError {
    const message = `protocol fault: ${messageOf(error)}`;
    this.#giveUp(message);
    return new HookCallError('EXITED', message);
  }

  #onAbandoned(id: number, failure: 'TIMEOUT' | 'CANCELLED'): void {
    if (!this.#socket.writable) return;
    this.#writer.write(frameTypes.abort, id, {});
    if (this.#calls.isHopeless) this.#giveUp('it did not answer 5 calls in a row within their deadlines');
    else if (failure === 'TIMEOUT') void this.#ping();
  }

  async #ping(): Promise<void> {
    if (this.#pinging) return;
    this.#pinging = true;
    try {
      await this.#calls.start({
        timeoutMs: pingTimeoutMs,
        bytes: 0,
        signal: undefined,
        isControl: true,
        send: (id) => this.#writer.write(frameTypes.ping, id, {}),
        onAbandoned: () =>
          this.#giveUp('it ran past a deadline and does not answer a ping: its event loop is blocked'),
      });
    } catch (error) {
      if (!(error instanceof HookCallError)) throw error;
    } finally {
      this.#pinging = false;
    }
  }

  #giveUp(reason: string): void {
    if (this.#fault !== null || this.#stopping) return;
    this.#fault = reason;
    this.#log.write('host', `stopped: ${reason}`);
    this.#socket.destroy();
    signalGroup(this.#child, 'SIGTERM');
    const kill = setTimeout(() => signalGroup(this.#child, 'SIGKILL'), 500);
    void this.exited.then(() => clearTimeout(kill));
  }

  #watch(): Promise<ProcessExit> {
    const { stdout, stderr } = this.#child;
    if (stdout) this.#log.capture('stdout', stdout);
    if (stderr) {
      this.#log.capture('stderr', stderr);
      stderr.on('data', (chunk: Buffer) => this.#remember(chunk));
    }
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#socket.on('error', () => this.#socket.destroy());
    const { promise, resolve } = Promise.withResolvers<ProcessExit>();
    const settle = (code: number | null, signal: string | null) => {
      const how = describeExit(code, signal);
      const reason = this.#fault ? `${this.#fault} (${how})` : how;
      this.#calls.rejectAll(reason);
      resolve({ code, signal, reason: this.#explain(reason), expected: this.#stopping });
    };
    this.#socket.once('close', () => {
      const timer = setTimeout(() => this.#giveUp('it closed its channel to the service'), drainMs);
      void promise.then(() => clearTimeout(timer));
    });
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

  #remember(chunk: Buffer): void {
    const lines = chunk
      .subarray(-4_096)
      .toString('utf8')
      .split('\n')
      .map((line) => line.trim());
    this.#lastErrors = [...this.#lastErrors, ...lines.filter(isTelling)].slice(-maxLastErrors);
  }

  #explain(reason: string): string {
    const lines = this.#lastErrors.filter((line) => !reason.includes(line)).map((line) => line.slice(0, 500));
    return lines.length === 0 ? reason : `${reason}\nLast of stderr:\n${lines.join('\n')}`;
  }
}

/** Whether a line of stderr helps to find a fault: Node's own frames and its version do not. */
function isTelling(line: string): boolean {
  return line !== '' && !/^at .*\bnode:|^Node\.js v/.test(line);
}

/** The lines of a stack that name a file of the plugin's, and the code that a syntax error shows. */
function ownLines(stack: string, dir: string): string[] {
  const lines = stack.split('\n').filter((line) => line.trim() !== '');
  const own = lines.filter((line) => (/^\s+at /.test(line) ? line.includes(dir) : !/^\w*Error: /.test(line)));
  return own.slice(0, 6);
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
