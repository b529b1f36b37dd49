import type { EventTopic, ServiceEvent } from '@omniroute/shared/event';
import type { AuthService } from '../auth/auth-service.ts';
import type { Principal } from '../auth/principal.ts';
import { PluginError } from '../errors.ts';
import type { EventBus } from '../event-bus.ts';
import { EventQueue } from './event-queue.ts';

const maxStreamsPerSession = 16;
const maxStreams = 64;
const maxWaitingEvents = 1_000;
const sessionCheckIntervalMs = 4_000;

export interface StreamedEvent {
  id: string;
  event: ServiceEvent;
}

interface StreamOptions {
  principal: Principal;
  topics: readonly EventTopic[];
  signal: AbortSignal | undefined;
  /** Cuts the client's connection: one that does not read would not notice an end. */
  disconnect: () => void;
}

interface OpenStream {
  principal: Principal;
  end(): void;
}

/** The open event streams: capped, and cut when their session or the service ends, or when the client is too slow. */
export class EventStreams {
  readonly #events: EventBus;
  readonly #auth: AuthService;
  readonly #streams = new Set<OpenStream>();
  readonly #stopListening: () => void;
  #sessionChecks: NodeJS.Timeout | undefined;
  #lastId = 0;

  constructor({ events, auth }: { events: EventBus; auth: AuthService }) {
    this.#events = events;
    this.#auth = auth;
    this.#stopListening = auth.onLogout((sessionHash) =>
      this.#endWhere((principal) => principal.sessionHash === sessionHash),
    );
  }

  /** What happens on `topics` from now on. Throws RATE_LIMITED above 16 streams of a session or 64 in all. */
  async *open({ principal, topics, signal, disconnect }: StreamOptions): AsyncGenerator<StreamedEvent, void> {
    this.#refuseTooMany(principal);
    const queue = new EventQueue<StreamedEvent>();
    const end = () => {
      queue.end();
      disconnect();
    };
    const unsubscribe = this.#events.subscribe(topics, (event) => {
      if (queue.length < maxWaitingEvents) queue.push({ id: this.#nextId(), event });
      else end();
    });
    const stream = { principal, end };
    const leave = () => {
      unsubscribe();
      this.#remove(stream);
      queue.end();
    };
    signal?.addEventListener('abort', leave, { once: true });
    this.#add(stream);
    try {
      if (!signal?.aborted) yield* queue;
    } finally {
      signal?.removeEventListener('abort', leave);
      leave();
    }
  }

  /** Cuts every stream. */
  close(): void {
    this.#stopListening();
    this.#endWhere(() => true);
  }

  #refuseTooMany({ sessionHash }: Principal): void {
    const ofSession = [...this.#streams].filter(({ principal }) => principal.sessionHash === sessionHash);
    if (ofSession.length < maxStreamsPerSession && this.#streams.size < maxStreams) return;
    throw new PluginError('RATE_LIMITED', 'Too many event streams are open. Close some dashboard tabs.');
  }

  #add(stream: OpenStream): void {
    this.#streams.add(stream);
    this.#sessionChecks ??= setInterval(() => void this.#endInvalid(), sessionCheckIntervalMs).unref();
  }

  #remove(stream: OpenStream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    clearInterval(this.#sessionChecks);
    this.#sessionChecks = undefined;
  }

  #endWhere(matches: (principal: Principal) => boolean): void {
    for (const stream of this.#streams) {
      if (matches(stream.principal)) stream.end();
    }
  }

  async #endInvalid(): Promise<void> {
    for (const stream of this.#streams) {
      const valid = await this.#auth.isValid(stream.principal).catch(() => false);
      if (!valid) stream.end();
    }
  }

  #nextId(): string {
    this.#lastId += 1;
    return String(this.#lastId);
  }
}
