import type { ServerResponse } from 'node:http';
import { bodyMaxBytes, type PipelineError } from '@omniroute/shared/pipeline';
import { errorBody, messageOf, PluginError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Headers } from '../pipeline/header-rules.ts';
import {
  emptyResponse,
  type HookResponse,
  hostResponse,
  unavailableResponse,
} from '../pipeline/hook-response.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { RequestState } from '../pipeline/request-state.ts';
import {
  afterHooks,
  type AnswerHeaders,
  clientHeaders,
  hookHeaders,
  onThisSite,
  isEventStream,
  isJson,
} from './answer-headers.ts';
import { completionAsStream } from './completion-as-stream.ts';
import { decodeBody } from './decode-body.ts';
import { isTimeout } from './http-upstream.ts';
import { jsonOrUndefined } from './json-or-undefined.ts';
import { readBody } from './read-body.ts';
import { StreamAssembler } from './stream-assembler.ts';
import { type Upstream, UpstreamError, type UpstreamResponse } from './upstream.ts';
import { writeBody } from './write-body.ts';

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
  /** Carries the request id. */
  logger: Logger;
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
      await this.#deliverAnswer(await this.#send());
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof UpstreamError)) throw error;
      await this.#deliverFailure(error);
    }
  }

  #send(): Promise<UpstreamResponse> {
    const { state, upstream, target, headers, signal } = this.#options;
    const changed = new Map<string, string>(Object.entries(headers));
    if (state.hooks.has('onResponse', 'onError', 'onStreamComplete'))
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

  async #deliverAnswer(answer: UpstreamResponse): Promise<void> {
    const { hooks, input } = this.#options.state;
    // Whoever reads the body hears of its failure; one that nobody reads to its end must not end the service.
    answer.body.on('error', () => {});
    if (hasNoBody(input.method, answer.status)) await this.#passOn(answer);
    else if (answer.status >= 400) await this.#deliverErrorStatus(answer);
    else if (isEventStream(answer.headers)) await this.#stream(answer);
    else if (!hooks.has('onResponse')) await this.#passOn(answer);
    else if (isJson(answer.headers)) await this.#deliverRead(answer, await this.#read(answer));
    else await this.#bypass(answer, null, 'the response is not JSON');
  }

  /** The upstream gave no answer. */
  async #deliverFailure(error: UpstreamError): Promise<void> {
    const { pipeline, state, logger } = this.#options;
    logger.warn({ code: error.code, reason: error.message }, 'upstream.failed');
    const fallback = await pipeline.onError(state, { code: error.code, message: error.message }, null);
    await this.#deliver(fallback ?? hostResponse('UPSTREAM_UNAVAILABLE', error.message));
  }

  /** The upstream answered with an error: `onError`, and without a fallback the answer as it is. */
  async #deliverErrorStatus(answer: UpstreamResponse): Promise<void> {
    const { pipeline, state } = this.#options;
    if (!state.hooks.has('onError', 'onResponse')) {
      await this.#passOn(answer);
      return;
    }
    const read = await this.#read(answer);
    const headers = hookHeaders(answer.headers);
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

  /** An upstream's answer that is buffered now, as far as the limit allows. */
  async #deliverRead(answer: UpstreamResponse, read: Awaited<ReturnType<typeof readBody>>): Promise<void> {
    const { pipeline, state } = this.#options;
    if (read.kind === 'overflow') {
      await this.#bypass(answer, read.bytes, `the response is larger than ${bodyMaxBytes} bytes`);
      return;
    }
    const data = await readableBody(read.bytes, hookHeaders(answer.headers));
    const isUnread =
      data === null ||
      (state.hooks.closed('onResponse') && jsonOrUndefined(data.toString('utf8')) === undefined);
    if (isUnread && read.bytes.length > 0 && state.hooks.has('onResponse')) {
      await this.#bypass(answer, read.bytes, 'the response is not JSON that can be read');
      return;
    }
    const given = this.#asHookResponse(answer, { data });
    const final = await pipeline.onResponse(state, given);
    const body = isSameBody(final, given) ? read.bytes : (final.data ?? Buffer.alloc(0));
    this.#write(final.status, afterHooks(final.headers, answer.headers), body);
  }

  /** A response that hooks cannot change: it streams through, and they hear of it at its end. */
  async #bypass(answer: UpstreamResponse, start: Buffer | null, why: string): Promise<void> {
    if (!(await this.#refusedUnread(answer, why))) await this.#passOn(answer, start);
  }

  /** Records that `onResponse` hooks do not see the body. Where one of them is closed, the client gets our 503. */
  async #refusedUnread(answer: UpstreamResponse, why: string): Promise<boolean> {
    const { pipeline, state } = this.#options;
    const closed = state.hooks.closed('onResponse');
    pipeline.bypassed(state, `${why}: it ${closed ? 'is refused' : 'passes unseen'}`);
    if (!closed) return false;
    answer.body.destroy();
    await this.#deliver(unavailableResponse(closed.plugin, closed.name));
    return true;
  }

  /** An answer that was made here: a block, a short-circuit, a fallback, or our own error. */
  async #deliver(made: HookResponse): Promise<void> {
    const { pipeline, state } = this.#options;
    const final = await pipeline.onResponse(state, { ...made, durationMs: this.#elapsed() });
    const isSuccess = final.status >= 200 && final.status < 300;
    const asStream = state.stream && isSuccess && final.data ? completionAsStream(final.data) : null;
    const headers = asStream
      ? { ...final.headers, 'content-type': 'text/event-stream; charset=utf-8' }
      : final.headers;
    this.#write(final.status, headers, asStream ?? final.data ?? Buffer.alloc(0));
  }

  async #stream(answer: UpstreamResponse): Promise<void> {
    const { state, response, signal } = this.#options;
    const isWatched = state.hooks.has('onResponse', 'onStreamComplete');
    const assembler = new StreamAssembler();
    const isEncoded = !/^(identity)?$/i.test(String(answer.headers['content-encoding'] ?? '').trim());
    if (isWatched && isEncoded && (await this.#refusedUnread(answer, 'the stream is encoded'))) return;
    const onChunk = isWatched && !isEncoded ? (chunk: Buffer) => assembler.push(chunk) : undefined;
    response.writeHead(answer.status, onThisSite(clientHeaders(answer.headers)));
    response.flushHeaders();
    try {
      await writeBody(answer.body, { response, signal, onChunk });
    } catch (error) {
      // A client that leaves has been answered all the same: the hooks hear of what it got.
      if (!signal.aborted) this.#writeErrorEvent(await this.#onBroken(error));
    }
    response.end();
    assembler.end();
    if (isWatched) await this.#afterStream(answer, assembler);
  }

  /** The upstream broke off what the client has begun to read. Returns what there is to say of it. */
  async #onBroken(error: unknown): Promise<string> {
    const { pipeline, state, logger } = this.#options;
    const message = `The upstream broke its answer off: ${messageOf(error)}`;
    // The client has had its answer, as far as there was one: the hooks hear of it even if it leaves now.
    state.outlive();
    const code = isTimeout(error) ? 'UPSTREAM_TIMEOUT' : 'STREAM_BROKEN';
    logger.warn({ code, reason: message }, 'upstream.failed');
    await pipeline.onError(state, { code, message }, null);
    return message;
  }

  async #afterStream(answer: UpstreamResponse, assembler: StreamAssembler): Promise<void> {
    const { pipeline, state } = this.#options;
    const message = assembler.message();
    const { usage, chunks, finishReason } = assembler;
    const data = message ? Buffer.from(JSON.stringify(message), 'utf8') : null;
    const response = this.#asHookResponse(answer, { data, usage, streamed: true });
    await pipeline.onSentResponse(state, response);
    const { status, durationMs } = response;
    await pipeline.onStreamComplete(state, { status, usage, durationMs, chunks, finishReason });
  }

  /** Passes the answer on as the bytes that it is; hooks hear of it, without its body. */
  async #passOn(answer: UpstreamResponse, start: Buffer | null = null): Promise<void> {
    const { pipeline, state, response, signal } = this.#options;
    response.writeHead(answer.status, onThisSite(clientHeaders(answer.headers)));
    if (start) response.write(start);
    try {
      await writeBody(answer.body, { response, signal });
      response.end();
    } catch (error) {
      // Too late for an error answer: the client sees the connection break, as it did.
      if (!signal.aborted) await this.#onBroken(error);
      response.destroy();
    }
    await pipeline.onSentResponse(state, this.#asHookResponse(answer, {}));
  }

  #asHookResponse(answer: UpstreamResponse, more: Partial<HookResponse>): HookResponse {
    const headers = hookHeaders(answer.headers);
    return { ...emptyResponse('upstream', answer.status), headers, durationMs: this.#elapsed(), ...more };
  }

  #writeErrorEvent(message: string): void {
    const { body } = errorBody(new PluginError('UPSTREAM_UNAVAILABLE', message));
    // The blank line ends an event that was cut short.
    this.#options.response.write(`\n\nevent: error\ndata: ${JSON.stringify(body)}\n\n`);
  }

  #write(status: number, headers: AnswerHeaders, body: Buffer): void {
    const { response, state } = this.#options;
    const { 'content-length': _, ...rest } = headers;
    const hasBody = !hasNoBody(state.input.method, status);
    response.writeHead(
      status,
      onThisSite(hasBody ? { ...rest, 'content-length': String(body.length) } : rest),
    );
    response.end(hasBody ? body : undefined);
  }

  #elapsed(): number {
    return Math.round(performance.now() - this.#options.startedAt);
  }
}

function hasNoBody(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}

/** Whether the bytes that came are still right for what a hook returned, encoding included. */
function isSameBody(final: HookResponse, given: HookResponse): boolean {
  return final.data === given.data && final.headers['content-encoding'] === given.headers['content-encoding'];
}

/** The body as hooks get it: decoded, and only if it is JSON. */
async function readableBody(bytes: Buffer, headers: Headers): Promise<Buffer | null> {
  return isJson(headers) ? decodeBody(bytes, headers['content-encoding']) : null;
}
