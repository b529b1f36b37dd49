import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from '../logger.ts';
import type { ConnectionLimits } from './limits.ts';

/**
 * The open connections of all listeners. A connection either waits (for a request, for the rest of one, or for the rest of a
 * body whose answer is out) or serves requests. Too many that wait lose the oldest ones, so that whoever comes next gets in.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #logger: Logger;
  /** Since when each one waits, by performance.now(); the oldest come first. */
  readonly #waiting = new Map<Socket, number>();
  readonly #serving = new Map<Duplex, Set<ServerResponse>>();
  readonly #abandoned = new WeakSet<Socket>();
  #sweeps: NodeJS.Timeout | undefined;

  constructor({ limits, logger }: { limits: ConnectionLimits; logger: Logger }) {
    this.#limits = limits;
    this.#logger = logger;
  }

  /** Watches a server's connections from their start. */
  watch(server: Server): void {
    server.on('connection', (socket: Socket) => {
      this.#wait(socket);
      socket.once('close', () => this.#waiting.delete(socket));
    });
    server.on('timeout', (socket: Socket) => this.#endIdle(socket));
    this.#sweeps ??= setInterval(() => this.#endOldest(), this.#limits.checkIntervalMs).unref();
  }

  /** To be called with each request; false for one that must not be served, since its connection is abandoned. */
  serve(request: IncomingMessage, response: ServerResponse): boolean {
    const { socket } = request;
    if (this.#abandoned.has(socket)) return false;
    const responses = this.#serving.get(socket) ?? new Set();
    this.#waiting.delete(socket);
    this.#serving.set(socket, responses.add(response));
    response.once('close', () => {
      responses.delete(response);
      if (responses.size === 0) this.#serving.delete(socket);
      if (socket.destroyed) return;
      if (responses.size === 0) this.#wait(socket);
      this.#endSlowRest(request);
    });
    return true;
  }

  /** Nothing that comes after this is read as a request: the parser may hold more of them already. */
  abandon(socket: Socket): void {
    this.#abandoned.add(socket);
  }

  /** Whether part of an answer has been sent, so that nothing else can be said on this connection. */
  isAnswering(socket: Duplex): boolean {
    return [...(this.#serving.get(socket) ?? [])].some((response) => response.headersSent);
  }

  /** Looks after connections no more. */
  close(): void {
    clearInterval(this.#sweeps);
  }

  #wait(socket: Socket): void {
    this.#waiting.set(socket, performance.now());
  }

  /** Nothing has moved on it for a while: it waits for nobody, its client does not read, or its handler takes its time. */
  #endIdle(socket: Socket): void {
    const isUnread = socket.writableLength > 0;
    if (this.#serving.has(socket) && !isUnread) return;
    if (isUnread) this.#logger.warn({ peer: socket.remoteAddress }, 'http.answer-unread');
    socket.destroy();
  }

  /** A burst of connections that send their requests at once is none that waits. */
  #endOldest(): void {
    const { maxWaitingConnections, checkIntervalMs } = this.#limits;
    const latest = performance.now() - checkIntervalMs;
    let excess = this.#waiting.size - maxWaitingConnections;
    let ended = 0;
    for (const [socket, since] of this.#waiting) {
      if (excess <= 0 || since > latest) break;
      this.#waiting.delete(socket);
      socket.destroy();
      excess -= 1;
      ended += 1;
    }
    if (ended > 0) this.#logger.warn({ ended }, 'http.too-many-connections');
  }

  #endSlowRest(request: IncomingMessage): void {
    if (request.complete) return;
    setTimeout(() => {
      if (!request.complete) request.socket.destroy();
    }, this.#limits.lingerMs).unref();
  }
}
