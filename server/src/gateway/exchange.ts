import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { bodyMaxBytes, type PipelineError } from '@omniroute/shared/pipeline';
import { messageOf } from '../errors.ts';
import { type Headers, isConnectionHeader } from '../pipeline/header-rules.ts';
import { emptyResponse, unavailableResponse, withJson } from '../pipeline/hook-response.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { HookResponse, RequestState } from '../pipeline/request-state.ts';
import { decodeBody } from './decode-body.ts';
import { completionAsStream, StreamAssembler } from './event-stream.ts';
import { isTimeout } from './http-upstream.ts';
import { readBody } from './read-body.ts';
import { type Upstream, UpstreamError, type UpstreamHeaders, type UpstreamResponse } from './upstream.ts';

interface Options {
  state: RequestState;
  pipeline: Pipeline;
  upstream: Upstream;
  response: ServerResponse;
  /** By performance.now(). */
  startedAt: number;
  /** Aborts when the client leaves. */
  signal: AbortSignal;
  /** The request target as the client sent it, `/v1…` with its query. */
  target: string;
  /** The client's headers, credentials included. */
  headers: Headers;
}

/** One request and its answer: through the hooks to the upstream, and back. */
export class Exchange {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Rejects with HookCallError `CANCELLED` when the client leaves while a hook runs. */
  async run(): Promise<void> {
    const { pipeline, state, signal } = this.#options;
    const outcome = await pipeline.onRequest(state);
    if (outcome.kind === 'answered') {
      await this.#deliver(outcome.response);
      return;
    }
    try {
      const answer = await this.#send();
      answer.body.on('error', () => {});
      if (hasNoBody(state.input.method, answer.status)) await this.#deliverHead(answer);
      else if (answer.status >= 400) await this.#deliverRefusal(answer);
      else if (isEventStream(answer.headers)) await this.#stream(answer);
      else await this.#deliverAnswer(answer);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof UpstreamError)) throw error;
      await this.#deliverFailure(error);
    }
  }

  #send(): Promise<UpstreamResponse> {
    const { state, upstream, target, headers, signal, pipeline } = this.#options;
    const changed = new Map<string, string>(Object.entries(headers));
    if (pipeline.registry.has('onResponse', 'onError', 'onStreamComplete'))
      changed.set('accept-encoding', 'identity');
    for (const [name, value] of state.headerChanges) {
      if (value === null) changed.delete(name);
      else changed.set(name, value);
    }
    return upstream.send({
      method: state.input.method,
      path: target.slice('/v1'.length),
      headers: Object.fromEntries(changed),
      body: state.body,
      signal,
    });
  }

  /** Reads an answer for the hooks. Rejects with UpstreamError where it breaks off: nothing has been sent then. */
  async #read({ body }: UpstreamResponse): ReturnType<typeof readBody> {
    try {
      return await readBody(body, bodyMaxBytes);
    } catch (error) {
      const code = isTimeout(error) ? 'UPSTREAM_TIMEOUT' : 'UPSTREAM_UNREACHABLE';
      const message = `The upstream ${this.#options.upstream.provider} broke its answer off: ${messageOf(error)}`;
      throw new UpstreamError(code, message, error);
    }
  }

  /** The upstream gave no answer. */
  async #deliverFailure(error: UpstreamError): Promise<void> {
    const { pipeline, state } = this.#options;
    const fallback = await pipeline.onError(state, { code: error.code, message: error.message }, null);
    await this.#deliver(fallback ?? unreachable(error));
  }

  /** The upstream answered with an error: `onError`, and without a fallback the answer as it is. */
  async #deliverRefusal(answer: UpstreamResponse): Promise<void> {
    const { pipeline, state } = this.#options;
    if (!pipeline.registry.has('onError', 'onResponse')) {
      await this.#pipe(answer);
      return;
    }
    const read = await this.#read(answer);
    const headers = joinHeaders(answer.headers);
    const data = read.kind === 'whole' ? await readableBody(read.bytes, headers) : null;
    const error: PipelineError = {
      code: 'UPSTREAM_STATUS',
      message: `The upstream answered with status ${answer.status}.`,
      status: answer.status,
      headers,
    };
    const fallback = await pipeline.onError(state, error, data);
    if (!fallback) {
      await this.#deliverRead(answer, read);
      return;
    }
    answer.body.destroy();
    await this.#deliver(fallback);
  }

  async #deliverAnswer(answer: UpstreamResponse): Promise<void> {
    if (!this.#options.pipeline.registry.has('onResponse')) {
      await this.#pipe(answer);
      return;
    }
    if (!isJson(answer.headers)) {
      await this.#bypass(answer, null, 'the response is not JSON');
      return;
    }
    await this.#deliverRead(answer, await this.#read(answer));
  }

  /** An upstream's answer that is buffered now, as far as the limit allows. */
  async #deliverRead(answer: UpstreamResponse, read: Awaited<ReturnType<typeof readBody>>): Promise<void> {
    const { pipeline, state } = this.#options;
    if (read.kind === 'overflow') {
      await this.#bypass(answer, read.bytes, `the response is larger than ${bodyMaxBytes} bytes`);
      return;
    }
    const headers = joinHeaders(answer.headers);
    const data = await readableBody(read.bytes, headers);
    const given: HookResponse = {
      ...emptyResponse('upstream', answer.status),
      headers,
      data,
      durationMs: this.#elapsed(),
    };
    const final = await pipeline.onResponse(state, given);
    const body = isSameBody(final, given) ? read.bytes : (final.data ?? Buffer.alloc(0));
    this.#write(final.status, splitHeaders(final.headers, answer.headers), body);
  }

  /** An answer that has no body by its nature: there is nothing in it that a hook could change. */
  async #deliverHead(answer: UpstreamResponse): Promise<void> {
    const { pipeline, state } = this.#options;
    await this.#pipe(answer);
    const headers = joinHeaders(answer.headers);
    await pipeline.onResponse(
      state,
      { ...emptyResponse('upstream', answer.status), headers, durationMs: this.#elapsed() },
      true,
    );
  }

  /** A response that hooks cannot change: it streams through, and they hear of it at its end. */
  async #bypass(answer: UpstreamResponse, start: Buffer | null, why: string): Promise<void> {
    const { pipeline, state } = this.#options;
    const closed = pipeline.registry
      .list('onResponse')
      .find((hook) => hook.failure === 'closed' && hook.mode === 'intercept');
    pipeline.bypassed(`${why}: it ${closed ? 'is refused' : 'passes unseen'}`);
    if (closed) {
      answer.body.destroy();
      await this.#deliver(unavailableResponse(closed.plugin, closed.name));
      return;
    }
    await this.#pipe(answer, start);
    const headers = joinHeaders(answer.headers);
    await pipeline.onResponse(
      state,
      { ...emptyResponse('upstream', answer.status), headers, durationMs: this.#elapsed() },
      true,
    );
  }

  /** An answer that was made here: a block, a short-circuit, a fallback, or our own error. */
  async #deliver(made: HookResponse): Promise<void> {
    const { pipeline, state } = this.#options;
    const final = await pipeline.onResponse(state, { ...made, durationMs: this.#elapsed() });
    const asStream = state.stream && isSuccess(final) && final.data ? completionAsStream(final.data) : null;
    if (asStream)
      this.#write(
        final.status,
        { ...final.headers, 'content-type': 'text/event-stream; charset=utf-8' },
        asStream,
      );
    else this.#write(final.status, final.headers, final.data ?? Buffer.alloc(0));
  }

  async #stream(answer: UpstreamResponse): Promise<void> {
    const { pipeline, state, response, signal } = this.#options;
    const isWatched = pipeline.registry.has('onResponse', 'onStreamComplete');
    const assembler =
      isWatched && answer.headers['content-encoding'] === undefined ? new StreamAssembler() : null;
    response.writeHead(answer.status, clientHeaders(answer.headers));
    response.flushHeaders();
    try {
      for await (const chunk of buffers(answer.body)) {
        assembler?.push(chunk);
        if (!response.write(chunk)) await drained(response, signal);
      }
    } catch (error) {
      if (signal.aborted) return;
      const message = `The upstream's stream broke off: ${messageOf(error)}`;
      await pipeline.onError(
        state,
        { code: isTimeout(error) ? 'UPSTREAM_TIMEOUT' : 'STREAM_BROKEN', message },
        null,
      );
      // The blank line ends an event that was cut short.
      response.write(
        `\n\nevent: error\ndata: ${JSON.stringify({ error: { message, type: 'upstream', code: 'STREAM_BROKEN' } })}\n\n`,
      );
    }
    response.end();
    assembler?.end();
    if (isWatched) await this.#afterStream(answer, assembler ?? new StreamAssembler());
  }

  async #afterStream(answer: UpstreamResponse, assembler: StreamAssembler): Promise<void> {
    const { pipeline, state } = this.#options;
    const message = assembler.message();
    const { usage, chunks, finishReason } = assembler;
    const durationMs = this.#elapsed();
    const status = answer.status;
    const response: HookResponse = {
      ...emptyResponse('upstream', status),
      headers: joinHeaders(answer.headers),
      data: message ? Buffer.from(JSON.stringify(message), 'utf8') : null,
      streamed: true,
      usage,
      durationMs,
    };
    await pipeline.onResponse(state, response, true);
    await pipeline.onStreamComplete(state, { status, usage, durationMs, chunks, finishReason });
  }

  /** Passes the answer on as the bytes that it is, with the client's speed. */
  async #pipe(answer: UpstreamResponse, start: Buffer | null = null): Promise<void> {
    const { response, signal } = this.#options;
    response.writeHead(answer.status, clientHeaders(answer.headers));
    if (start) response.write(start);
    try {
      for await (const chunk of buffers(answer.body)) {
        if (!response.write(chunk)) await drained(response, signal);
      }
      response.end();
    } catch {
      // Too late for an error answer: the client sees the connection break, as it did.
      response.destroy();
    }
  }

  #write(status: number, headers: Record<string, string | string[]>, body: Buffer): void {
    const { response } = this.#options;
    const { 'content-length': _, ...rest } = headers;
    const hasBody = !hasNoBody('', status);
    response.writeHead(status, hasBody ? { ...rest, 'content-length': body.length } : rest);
    response.end(hasBody ? body : undefined);
  }

  #elapsed(): number {
    return Math.round(performance.now() - this.#options.startedAt);
  }
}

function hasNoBody(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}

function unreachable(error: UpstreamError): HookResponse {
  return withJson(emptyResponse('host', 502), {
    error: { message: error.message, type: 'upstream', code: 'UPSTREAM_UNAVAILABLE' },
  });
}

/** Whether the bytes that came are still right for what a hook returned, encoding included. */
function isSameBody(final: HookResponse, given: HookResponse): boolean {
  return final.data === given.data && final.headers['content-encoding'] === given.headers['content-encoding'];
}

function isSuccess({ status }: HookResponse): boolean {
  return status >= 200 && status < 300;
}

/** The upstream's headers for the client: without those of its connection, and with its own request id set apart. */
function clientHeaders(headers: UpstreamHeaders): Record<string, string | string[]> {
  const connection = String(headers['connection'] ?? '');
  const entries = Object.entries(headers).flatMap(([name, value]) => {
    if (value === undefined || (isConnectionHeader(name, connection) && name !== 'content-length')) return [];
    return [[name === 'x-request-id' ? 'x-upstream-request-id' : name, value] as const];
  });
  return Object.fromEntries(entries);
}

function joinHeaders(headers: UpstreamHeaders): Headers {
  return Object.fromEntries(
    Object.entries(clientHeaders(headers)).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );
}

/** `headers` with what {@link joinHeaders} joined as the separate lines that it was: two cookies are not one. */
function splitHeaders(headers: Headers, original: UpstreamHeaders): Record<string, string | string[]> {
  const joined = joinHeaders(original);
  const lines = Object.entries(clientHeaders(original)).filter(([name]) => headers[name] === joined[name]);
  return { ...headers, ...Object.fromEntries(lines) };
}

function isEventStream(headers: UpstreamHeaders): boolean {
  return /^text\/event-stream\b/i.test(String(headers['content-type'] ?? ''));
}

function isJson(headers: UpstreamHeaders): boolean {
  return /^application\/(.+\+)?json\b/i.test(String(headers['content-type'] ?? ''));
}

/** The body as hooks get it: decoded, and only if it is JSON. */
async function readableBody(bytes: Buffer, headers: Headers): Promise<Buffer | null> {
  return isJson(headers) ? decodeBody(bytes, headers['content-encoding']) : null;
}

function buffers(stream: Readable): AsyncIterable<Buffer> {
  return stream;
}

/** Resolves when the client has read what it was sent. Rejects when it leaves. */
async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(new Error('the client is gone'));
  response.once('drain', resolve);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await promise;
  } finally {
    response.off('drain', resolve);
    signal.removeEventListener('abort', onAbort);
  }
}
