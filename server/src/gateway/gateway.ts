import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyMaxBytes } from '@omniroute/shared/pipeline';
import { errorBody, PluginError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { apiKeyInfo } from '../pipeline/api-key-info.ts';
import { type Headers, isConnectionHeader } from '../pipeline/header-rules.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { HookCallError } from '../plugin-process/hook-call-error.ts';
import type { Runtime } from '../runtime.ts';
import { onThisSite } from './answer-headers.ts';
import { closeSignal } from './close-signal.ts';
import { Exchange } from './exchange.ts';
import { readBody } from './read-body.ts';
import type { UpstreamSelector } from './upstream-selector.ts';

interface Options {
  pipeline: Pipeline;
  upstreams: UpstreamSelector;
  runtime: Runtime;
  logger: Logger;
  hmacKey: Buffer;
}

interface Call {
  requestId: string;
  provenKey: string | null;
}

/** Serves `/v1`: the hooks, then the upstream, then the hooks again. */
export class Gateway {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * Answers one request on the raw connection. Never throws. `provenKey` is the key of this gateway's own that the caller
   * sent, and that the headers do not hold any more; null if none was demanded.
   */
  handle(request: IncomingMessage, response: ServerResponse, { requestId, provenKey }: Call): void {
    const logger = this.#options.logger.child({ requestId });
    response.setHeader('x-request-id', requestId);
    this.#serve(request, response, { requestId, provenKey, logger }).catch((error: unknown) => {
      if (response.destroyed || (error instanceof HookCallError && error.failure === 'CANCELLED')) return;
      // What is still to come of the body is discarded, so that the client gets to read the answer.
      request.resume();
      if (!(error instanceof PluginError)) logger.error({ err: error }, 'gateway.failed');
      fail(response, error);
    });
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    { requestId, provenKey, logger }: Call & { logger: Logger },
  ): Promise<void> {
    const { pipeline, upstreams, runtime, hmacKey } = this.#options;
    const startedAt = performance.now();
    const signal = closeSignal(response);
    const body = await readRequestBody(request, response);
    const headers = joinHeaders(request);
    const target = request.url ?? '/v1';
    using lease = upstreams.lease();
    const { upstream } = lease;
    const state = pipeline.open({
      requestId,
      method: request.method ?? 'GET',
      path: target.split('?', 1).join(''),
      headers,
      provider: upstream.provider,
      body,
      apiKeyInfo: apiKeyInfo(headers, provenKey, hmacKey),
      timestamp: runtime.now().getTime(),
      signal,
    });
    const exchange = new Exchange({
      state,
      pipeline,
      upstream,
      response,
      startedAt,
      signal,
      target,
      headers,
      logger,
    });
    await exchange.run();
  }
}

async function readRequestBody(request: IncomingMessage, response: ServerResponse): Promise<Buffer | null> {
  const { headers } = request;
  if (headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0) return null;
  if (Number(headers['content-length'] ?? 0) > bodyMaxBytes) throw tooLarge();
  if (headers.expect !== undefined) response.writeContinue();
  const read = await readBody(request, bodyMaxBytes);
  if (read.kind === 'overflow') throw tooLarge();
  return read.bytes;
}

function tooLarge(): PluginError {
  return new PluginError('BODY_TOO_LARGE', `The body is larger than ${bodyMaxBytes / 1024 ** 2} MiB.`);
}

/** The request's headers without those of the connection, and without this site's cookies. */
function joinHeaders(request: IncomingMessage): Headers {
  const entries = Object.entries(request.headers).flatMap(([name, value]) =>
    value === undefined || isConnectionHeader(name, request.headers.connection) || name === 'cookie'
      ? []
      : [[name, Array.isArray(value) ? value.join(', ') : value] as const],
  );
  return Object.fromEntries(entries);
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, body } = errorBody(error);
  response.writeHead(
    status,
    onThisSite({ 'content-type': 'application/json; charset=utf-8', connection: 'close' }),
  );
  response.end(JSON.stringify(body));
}
