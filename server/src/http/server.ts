import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from '../logger.ts';
import type { Runtime } from '../runtime.ts';
import { Connections } from './connections.ts';
import { EventStreams } from './event-streams.ts';
import { createFastifyApp } from './fastify-app.ts';
import type { ConnectionLimits } from './limits.ts';
import { type Listening, listen } from './listen.ts';
import { answerClientError, refusalBeforeRouting, sendRefusal } from './refuse-early.ts';
import type { Services } from './services.ts';

const closeGraceMs = 5_000;
const idleCheckMs = 50;

interface HttpServerOptions {
  services: Services;
  logger: Logger;
  runtime: Runtime;
  /** 0: any free one. */
  port: number;
  /** An address besides loopback, where only the gateway answers; needs `gatewayKey`. */
  host: string | null;
  gatewayKey: string | null;
  /** Holds the built dashboard. */
  webDir: string;
  limits: ConnectionLimits;
}

/** The interfaces of the service on one port: dashboard, REST, tRPC and gateway. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #streams: EventStreams;
  readonly #connections: Connections;
  #listening: Listening;
  #stopping = false;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#streams = new EventStreams({ events: options.services.events, auth: options.services.auth });
    this.#connections = new Connections(options);
    this.#listening = { port: options.port, servers: [] };
  }

  /** The bound port; before `listen()` the configured one. */
  get port(): number {
    return this.#listening.port;
  }

  /** True from the start of `close()`. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Throws StartupError when the port cannot be had. */
  async listen(): Promise<void> {
    const { services, logger, runtime, port, host, gatewayKey, webDir, limits } = this.#options;
    const app = await createFastifyApp({
      services,
      streams: this.#streams,
      logger,
      newId: () => runtime.newId(),
      gatewayKey,
      exposed: host !== null,
      webDir,
      limits,
      port: () => this.port,
    });
    const handle = (request: IncomingMessage, response: ServerResponse) => {
      if (!this.#connections.serve(request, response)) return;
      if (this.#stopping) response.setHeader('connection', 'close');
      const refusal = refusalBeforeRouting(request);
      if (refusal === null) {
        app.routing(request, response);
        return;
      }
      this.#connections.abandon(request.socket);
      sendRefusal(response, refusal);
    };
    const create = () => this.#createServer(handle);
    this.#listening = await listen({ port, host, logger, createServer: create });
  }

  /** Stops accepting, ends the event streams, and gives what is in flight five seconds. */
  async close(): Promise<void> {
    this.#stopping = true;
    this.#streams.close();
    const { servers } = this.#listening;
    const closed = Promise.all(servers.map(closeServer));
    const idleChecks = setInterval(
      () => servers.forEach((server) => server.closeIdleConnections()),
      idleCheckMs,
    );
    const grace = setTimeout(() => servers.forEach((server) => server.closeAllConnections()), closeGraceMs);
    await closed;
    clearInterval(idleChecks);
    clearTimeout(grace);
    this.#connections.close();
  }

  #createServer(handle: (request: IncomingMessage, response: ServerResponse) => void): Server {
    const { limits } = this.#options;
    const server = createServer(
      {
        maxHeaderSize: 16 * 1024,
        headersTimeout: limits.headersTimeoutMs,
        // Bodies of management have a shorter deadline of their own. Neither cuts an answer.
        requestTimeout: limits.gatewayBodyTimeoutMs,
        connectionsCheckingInterval: limits.checkIntervalMs,
        keepAliveTimeout: limits.keepAliveTimeoutMs,
        insecureHTTPParser: false,
      },
      handle,
    );
    server.timeout = limits.unreadTimeoutMs;
    server.maxRequestsPerSocket = limits.maxRequestsPerConnection;
    // The body is asked for only once the guard has let the request in.
    server.on('checkContinue', handle);
    server.on('checkExpectation', handle);
    server.on('clientError', (error, socket) =>
      answerClientError(error, socket, this.#connections.isAnswering(socket)),
    );
    this.#connections.watch(server);
    return server;
  }
}

function closeServer(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  return promise;
}
