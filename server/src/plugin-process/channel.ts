import type { Socket } from 'node:net';
import { messageOf } from '../errors.ts';
import type { PluginFetch } from '../outbound/plugin-fetch.ts';
import { type Frame, FrameReader, FrameWriter } from './child/frames.js';
import { frameTypes, isUnasked } from './child/protocol.js';
import { FetchBroker } from './fetch-broker.ts';
import { FrameRate } from './frame-rate.ts';
import { PendingCalls } from './pending-calls.ts';
import { ProtocolFault } from './read-frame.ts';

/** So many small pieces of one frame in a row are no way to write it: the rest gathers before it is read. */
const maxSmallReads = 16;
const smallReadBytes = 4_096;
const gatherMs = 2;

interface Request {
  type: number;
  head: object;
  parts: readonly (Uint8Array | null)[];
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** The service's own business with the process: it does not wait for room among the hooks. */
  isControl?: boolean;
  /** The caller has been released; the plugin may still be at work on it. */
  onAbandoned: (failure: 'TIMEOUT' | 'CANCELLED') => void;
}

interface Options {
  /** The other end broke the protocol: nothing that it says counts any more. */
  onFault: (fault: ProtocolFault) => void;
  onClose: () => void;
  /** It says so much unasked that it has to wait. */
  onRateExceeded: (message: string) => void;
  monotonicMs: () => number;
  /** Makes the requests that the process asks for; null where it may not ask for any. */
  fetcher: PluginFetch | null;
}

/** Requests and replies over descriptor 3 of a plugin's process. */
export class Channel {
  readonly #socket: Socket;
  readonly #writer: FrameWriter;
  readonly #reader = new FrameReader();
  readonly #calls = new PendingCalls();
  readonly #fetches: FetchBroker | null;
  readonly #unaskedRate: FrameRate;
  #smallReads = 0;
  readonly #onFault: (fault: ProtocolFault) => void;

  constructor(socket: Socket, { onFault, onClose, onRateExceeded, monotonicMs, fetcher }: Options) {
    this.#socket = socket;
    this.#writer = new FrameWriter(socket);
    this.#fetches = fetcher && new FetchBroker({ fetcher, writer: this.#writer, socket });
    this.#unaskedRate = new FrameRate(monotonicMs, onRateExceeded);
    this.#onFault = onFault;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', () => socket.destroy());
    // What was written before it closed has been read by now.
    socket.once('close', () => {
      this.rejectAll('its process ended, or closed its channel, before it answered');
      onClose();
    });
  }

  /** Resolves with the frame that answers. Rejects with HookCallError: OVERLOADED, TIMEOUT, CANCELLED or EXITED. */
  request({ type, head, parts, timeoutMs, signal, isControl, onAbandoned }: Request): Promise<Frame> {
    return this.#calls.start({
      timeoutMs,
      bytes: parts.reduce((sum, part) => sum + (part?.length ?? 0), 0),
      signal,
      isControl: isControl ?? false,
      send: (id) => this.#writer.write(type, id, head, parts),
      onAbandoned: (id, failure) => {
        const reason = failure === 'TIMEOUT' ? 'the hook ran past its deadline' : 'the caller is gone';
        if (this.#socket.writable) this.#writer.write(frameTypes.abort, id, { reason });
        onAbandoned(failure);
      },
    });
  }

  /** Asks the process to end. */
  shutDown(): void {
    if (!this.#socket.writable) return;
    this.#writer.write(frameTypes.shutdown, 0, {});
    this.#writer.flush();
  }

  /** Nothing can be answered any more: every open call is settled with EXITED. */
  destroy(message: string): void {
    this.#socket.destroy();
    this.rejectAll(message);
  }

  /** False once no call can be answered any more. */
  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** Why the process should be stopped, if it leaves too much unanswered. */
  get hopeless(): string | null {
    return this.#calls.hopeless;
  }

  /** Resolves when no request is open that is still within its deadline. */
  idle(): Promise<void> {
    return this.#calls.idle();
  }

  rejectAll(message: string): void {
    this.#calls.rejectAll(message);
  }

  #receive(chunk: Buffer): void {
    const taken = this.#take(this.#reader.push(chunk));
    this.#smallReads = taken === 0 && chunk.length < smallReadBytes ? this.#smallReads + 1 : 0;
    if (this.#smallReads > maxSmallReads) this.#pause(gatherMs);
  }

  /**
   * Takes frames as they come, until the process has said so much unasked that the rest waits.
   *
   * @returns how many it took
   */
  #take(frames: Iterable<Frame>): number {
    let taken = 0;
    try {
      for (const frame of frames) {
        taken += 1;
        if (!this.#accept(frame)) {
          const what = `an unexpected frame (type ${frame.type}, id ${frame.id})`;
          this.#onFault(new ProtocolFault('FRAME_UNEXPECTED', what));
          break;
        }
        const pauseMs = isUnasked(frame.type) ? this.#unaskedRate.count(frame.length) : 0;
        if (pauseMs === 0) continue;
        this.#pause(pauseMs);
        break;
      }
    } catch (error) {
      const fault = error instanceof RangeError ? 'FRAME_SIZE' : 'FRAME_MALFORMED';
      this.#onFault(new ProtocolFault(fault, messageOf(error), { cause: error }));
    }
    return taken;
  }

  #accept(frame: Frame): boolean {
    return isUnasked(frame.type) ? (this.#fetches?.accept(frame) ?? false) : this.#calls.answer(frame);
  }

  #pause(ms: number): void {
    this.#socket.pause();
    setTimeout(() => {
      if (this.#socket.destroyed) return;
      this.#socket.resume();
      this.#take(this.#reader.frames());
    }, ms);
  }
}
