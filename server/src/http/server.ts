import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { errorBody, PluginError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Runtime } from '../runtime.ts';
import { EventStreams } from './event-streams.ts';
import { createFastifyApp } from './fastify-app.ts';
import { type Listening, listen } from './listen.ts';
import { isPlainTarget } from './request-target.ts';
import type { Services } from './services.ts';

const closeGraceMs = 5_000;
const idleCheckMs = 50;

const socketLimits = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  // For uploads to the gateway; the management's bodies have a deadline of their own. Neither cuts an answer.
  requestTimeout: 300_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 5_000,
  insecureHTTPParser: false,
} as const;
const maxRequestsPerSocket = 1_000;

const routedMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

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
}

/** The interfaces of the service on one port: dashboard, REST, tRPC and gateway. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #streams: EventStreams;
  #listening: Listening;
  #stopping = false;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#streams = new EventStreams({ events: options.services.events, auth: options.services.auth });
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
    const { services, logger, runtime, port, host, gatewayKey, webDir } = this.#options;
    const app = await createFastifyApp({
      services,
      streams: this.#streams,
      logger,
      newId: () => runtime.newId(),
      gatewayKey,
      exposed: host !== null,
      webDir,
      port: () => this.port,
    });
    const handle = (request: IncomingMessage, response: ServerResponse) => {
      if (this.#stopping) response.setHeader('connection', 'close');
      const refusal = refusalBeforeRouting(request);
      if (refusal === null) app.routing(request, response);
      else sendError(response, refusal);
    };
    this.#listening = await listen({ port, host, logger, createServer: () => createHttpServer(handle) });
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
  }
}

function createHttpServer(handle: (request: IncomingMessage, response: ServerResponse) => void): Server {
  const server = createServer(socketLimits, handle);
  server.maxRequestsPerSocket = maxRequestsPerSocket;
  // The body is asked for only once the guard has let the request in.
  server.on('checkContinue', handle);
  server.on('clientError', answerClientError);
  return server;
}

function refusalBeforeRouting({ method = '', url = '' }: IncomingMessage): PluginError | null {
  if (!routedMethods.has(method)) return new PluginError('METHOD_NOT_ALLOWED', 'This method is not served.');
  return isPlainTarget(url) ? null : new PluginError('INVALID_REQUEST', 'The path is not valid.');
}

function sendError(response: ServerResponse, error: PluginError): void {
  const { status, body } = errorBody(error);
  const allow = status === 405 ? { allow: [...routedMethods].join(', ') } : {};
  response.writeHead(status, {
    ...allow,
    'content-type': 'application/json; charset=utf-8',
    ...refusalHeaders,
  });
  response.end(JSON.stringify(body));
}

const refusalHeaders = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;

const clientErrorStatus: Record<string, string> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** What the parser refuses never becomes a request. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = clientErrorStatus[error.code ?? ''] ?? '400 Bad Request';
  const { body } = errorBody(
    new PluginError('INVALID_REQUEST', `The request is not valid HTTP (${status}).`),
  );
  const text = JSON.stringify(body);
  const headers = [
    `HTTP/1.1 ${status}`,
    'Connection: close',
    'Cache-Control: no-store',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(text)}`,
  ];
  socket.end(`${headers.join('\r\n')}\r\n\r\n${text}`, () => socket.destroy());
}

function closeServer(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  return promise;
}
