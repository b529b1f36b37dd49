import type { Frame } from './child/frames.js';
import { frameTypes } from './child/protocol.js';
import { messageOf } from '../errors.ts';
import { HookCallError } from './hook-call-error.ts';

const maxCalls = 64;
const maxBytes = 64 * 1024 * 1024;
const maxTimeoutsInARow = 5;
const maxOverdue = 32;

interface PendingCall {
  bytes: number;
  timer: NodeJS.Timeout;
  /** Gives the caller its outcome. Does nothing once the caller has left. */
  settle(outcome: Frame | HookCallError): void;
}

interface CallOptions {
  timeoutMs: number;
  bytes: number;
  signal: AbortSignal | undefined;
  /** The service's own business with the process: it does not wait for room among the hooks. */
  isControl?: boolean;
  send(id: number): void;
  /** The caller has been released; the plugin may still be at work on it. */
  onAbandoned(id: number, failure: 'TIMEOUT' | 'CANCELLED'): void;
}

/**
 * The calls that a plugin's process has not answered. A reply must match one of them, once. A call whose caller is
 * gone still counts against the limits until the process answers it, and against the process at its deadline.
 */
export class PendingCalls {
  readonly #calls = new Map<number, PendingCall>();
  /** Bytes of the calls that are past their deadline. */
  readonly #overdue = new Map<number, number>();
  #bytes = 0;
  #nextId = 1;
  #timeoutsInARow = 0;
  #onIdle: (() => void)[] = [];

  /** Resolves with the reply's frame. Rejects with HookCallError: OVERLOADED, TIMEOUT, CANCELLED or EXITED. */
  start(options: CallOptions): Promise<Frame> {
    const { timeoutMs, bytes, signal } = options;
    if (signal?.aborted) return Promise.reject(new HookCallError('CANCELLED', 'the caller is gone'));
    const refusal = options.isControl ? null : this.#refusal(bytes);
    if (refusal) return Promise.reject(refusal);
    const id = this.#takeId();
    const { promise, resolve, reject } = Promise.withResolvers<Frame>();
    const settle = (outcome: Frame | HookCallError) => {
      signal?.removeEventListener('abort', cancel);
      if (outcome instanceof HookCallError) reject(outcome);
      else resolve(outcome);
    };
    const cancel = () => {
      settle(new HookCallError('CANCELLED', 'the caller is gone'));
      options.onAbandoned(id, 'CANCELLED');
    };
    const expire = () => {
      this.#overdue.set(id, bytes);
      this.#timeoutsInARow += 1;
      this.#remove(id);
      settle(new HookCallError('TIMEOUT', `no answer within ${timeoutMs} ms`));
      options.onAbandoned(id, 'TIMEOUT');
    };
    signal?.addEventListener('abort', cancel, { once: true });
    this.#calls.set(id, { bytes, timer: setTimeout(expire, timeoutMs), settle });
    this.#bytes += bytes;
    try {
      options.send(id);
    } catch (error) {
      this.#bytes -= bytes;
      this.#remove(id);
      settle(new HookCallError('OVERLOADED', messageOf(error)));
    }
    return promise;
  }

  /** Whether `frame` answers a call that was made and is not answered yet. */
  answer(frame: Frame): boolean {
    const call = this.#calls.get(frame.id);
    const bytes = call?.bytes ?? this.#overdue.get(frame.id);
    if (bytes === undefined) return false;
    this.#bytes -= bytes;
    this.#overdue.delete(frame.id);
    if (call && frame.type !== frameTypes.pong) this.#timeoutsInARow = 0;
    this.#remove(frame.id);
    call?.settle(frame);
    return true;
  }

  /** Why the process should be stopped: it does not answer, or leaves too many calls open behind it. Null if neither. */
  get hopeless(): string | null {
    if (this.#timeoutsInARow >= maxTimeoutsInARow) {
      return `it did not answer ${maxTimeoutsInARow} calls in a row within their deadlines`;
    }
    return this.#overdue.size >= maxOverdue
      ? `it left ${maxOverdue} calls unanswered past their deadlines`
      : null;
  }

  /** Resolves when no call is open that is still within its deadline. */
  idle(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle.push(resolve);
    this.#releaseIdle();
    return promise;
  }

  #releaseIdle(): void {
    if (this.#calls.size > 0) return;
    for (const release of this.#onIdle.splice(0)) release();
  }

  /** Settles every open call with EXITED: nothing will answer it. */
  rejectAll(message: string): void {
    for (const [id, call] of this.#calls) {
      this.#remove(id);
      call.settle(new HookCallError('EXITED', message));
    }
    this.#overdue.clear();
    this.#bytes = 0;
  }

  #refusal(bytes: number): HookCallError | null {
    if (this.#calls.size + this.#overdue.size >= maxCalls) {
      const message = `${maxCalls} calls of this plugin are in flight already`;
      return new HookCallError('OVERLOADED', message, { fault: 'CALLS_IN_FLIGHT' });
    }
    if (this.#bytes + bytes <= maxBytes) return null;
    const message = `the calls of this plugin in flight would hold more than ${maxBytes / 1024 / 1024} MiB`;
    return new HookCallError('OVERLOADED', message, { fault: 'BYTES_IN_FLIGHT' });
  }

  #remove(id: number): void {
    clearTimeout(this.#calls.get(id)?.timer);
    this.#calls.delete(id);
    this.#releaseIdle();
  }

  #takeId(): number {
    const id = this.#nextId;
    this.#nextId = id === 0xffff_ffff ? 1 : id + 1;
    return id;
  }
}
