import { z } from 'zod';
import type { Logger } from '../logger.ts';
import { isBlockedPort, isForbiddenHeader, isForbiddenMethod, normalizeMethod } from './fetch-rules.ts';
import { type GuardedRequest, type OutboundAnswer, readAnswer } from './guarded-request.ts';
import type { Headers } from './header-list.ts';
import { HostAllowList, portOf } from './host-allow-list.ts';
import { OutboundError } from './outbound-error.ts';

const maxRequestBytes = 1_024 * 1_024;
const maxAnswerBytes = 10 * 1_024 * 1_024;
const maxBytesInFlight = 64 * 1_024 * 1_024;
const maxHeaderBytes = 16 * 1_024;
const maxShownHost = 260;
const maxDetail = 500;
const defaultDeadlineMs = 30_000;

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** What a plugin's `fetch` asks for, but for the body. Header values are bytes, one character each, as fetch has them. */
const pluginFetchSchema = z.object({
  url: z.string(),
  method: z.string().max(100).regex(token).default('GET'),
  headers: z
    .array(z.unknown())
    // Judged before each of them is.
    .max(200)
    .pipe(
      z.array(
        z.tuple([
          z.string().max(1_000).regex(token).toLowerCase(),
          z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/),
        ]),
      ),
    )
    .refine((headers) => headers.flat().join('').length <= maxHeaderBytes)
    .default([]),
  timeoutMs: z.int().min(1).max(60_000).default(defaultDeadlineMs),
});
type Asked = z.infer<typeof pluginFetchSchema>;

/**
 * What the plugin gets. A redirect is an answer: `redirect` is `manual`. Dispose of it when it is not held any more: until
 * then it counts as in flight.
 */
interface PluginFetchAnswer extends Disposable {
  status: number;
  statusText: string;
  headers: Headers;
  url: string;
  body: Buffer;
}

/** One call of a plugin's `fetch`, when it is over. */
export interface Fetched {
  /** With the port, where the URL has one; null where there is no URL. */
  host: string | null;
  /** Why the plugin got no answer. */
  failure: { reason: string; message: string } | null;
  /** What may have left, where it failed on the way. */
  bytesSent: number;
  bytesReceived: number;
}

interface Options {
  plugin: string;
  /** `requires.hosts`, as far as granted; null: every public host. */
  hosts: readonly string[] | null;
  request: GuardedRequest;
  logger: Logger;
  onDone: (fetched: Fetched) => void;
}

/** The `fetch` of one plugin, as the service makes it. Every call is reported, and has a line in the log. */
export class PluginFetch {
  readonly #options: Options;
  readonly #hosts: HostAllowList | null;
  #bytesInFlight = 0;

  constructor(options: Options) {
    this.#options = options;
    this.#hosts = options.hosts && new HostAllowList(options.hosts);
  }

  /**
   * @param head what the plugin sent: `{ url, method?, headers?: [name, value][], timeoutMs? }`; a `timeoutMs` is for
   *   the whole of it, at most 60 s and 30 s by default
   * @param body at most 1 MiB; null for none. The answer's is at most 10 MiB, as the bytes that came.
   * @throws {OutboundError} its `code` and `message` may go to the plugin
   */
  async fetch(head: unknown, body: Uint8Array | null, signal: AbortSignal): Promise<PluginFetchAnswer> {
    const startedAt = performance.now();
    const call = new Call(body?.length ?? 0);
    const release = () => {
      this.#bytesInFlight -= call.heldBytes;
      call.heldBytes = 0;
    };
    try {
      const answer = await this.#fetch(head, body, signal, call);
      this.#log(call, startedAt, { status: answer.status });
      this.#report(call, null);
      return { ...answer, [Symbol.dispose]: release };
    } catch (error) {
      release();
      this.#log(call, startedAt, outcomeOf(error));
      this.#report(call, error);
      throw shownError(error);
    }
  }

  async #fetch(
    head: unknown,
    body: Uint8Array | null,
    signal: AbortSignal,
    call: Call,
  ): Promise<Omit<PluginFetchAnswer, keyof Disposable>> {
    const asked = parseHead(head);
    const url = URL.parse(asked.url);
    call.method = asked.method;
    call.host = url?.host.slice(0, maxShownHost) ?? null;
    checkRules(asked, body, url);
    if (url && this.#hosts?.includes(url) === false) {
      throw new OutboundError('HOST_NOT_LISTED');
    }
    await using answer = await this.#options.request({
      url: asked.url,
      method: normalizeMethod(asked.method),
      headers: asked.headers,
      body,
      redirect: 'manual',
      maxBytes: maxAnswerBytes,
      deadlineMs: asked.timeoutMs,
      signal,
      mayUseException: (target) => this.#hosts?.names(target) ?? false,
    });
    const { status, statusText, headers, url: answeredBy } = answer;
    const answerBody = await readAnswer({ body: this.#held(answer, call) });
    return { status, statusText, headers, url: answeredBy, body: answerBody };
  }

  async *#held({ body }: OutboundAnswer, call: Call): AsyncGenerator<Buffer, void, undefined> {
    for await (const chunk of body) {
      call.answerBytes += chunk.length;
      call.heldBytes += chunk.length;
      this.#bytesInFlight += chunk.length;
      if (this.#bytesInFlight > maxBytesInFlight) throw new OutboundError('TOO_MANY_IN_FLIGHT');
      yield chunk;
    }
  }

  #report({ host, requestBytes, answerBytes }: Call, error: unknown): void {
    this.#options.onDone({
      host,
      failure: error === null ? null : failureOf(error),
      bytesSent: hasLeft(error) ? requestBytes : 0,
      bytesReceived: answerBytes,
    });
  }

  #log({ host, method, requestBytes, answerBytes }: Call, startedAt: number, outcome: object): void {
    const { plugin, logger } = this.#options;
    const ms = Math.round(performance.now() - startedAt);
    logger.info({ plugin, host, method, requestBytes, answerBytes, ms, ...outcome }, 'plugin.fetch');
  }
}

/** What the log says of a call; filled in as it becomes known. */
class Call {
  host: string | null = null;
  method: string | null = null;
  answerBytes = 0;
  /** Of the answer, what is still in memory. */
  heldBytes = 0;
  readonly requestBytes: number;

  constructor(requestBytes: number) {
    this.requestBytes = requestBytes;
  }
}

function parseHead(head: unknown): Asked {
  const { data, error } = pluginFetchSchema.safeParse(head);
  if (error) throw new OutboundError('INVALID_REQUEST', { detail: explain(error) });
  return data;
}

/** What the Fetch standard forbids, whoever asks; before the guard, since it tells nothing about the network. */
function checkRules({ method, headers }: Asked, body: Uint8Array | null, url: URL | null): void {
  if (isForbiddenMethod(method)) throw new OutboundError('FORBIDDEN_METHOD');
  const forbidden = headers.find(([name, value]) => isForbiddenHeader(name, value));
  if (forbidden) throw new OutboundError('FORBIDDEN_HEADER', { detail: forbidden[0] });
  if (body && ['GET', 'HEAD'].includes(normalizeMethod(method))) {
    throw new OutboundError('INVALID_REQUEST', { detail: `${method} with a body` });
  }
  if (body && body.length > maxRequestBytes) throw new OutboundError('REQUEST_TOO_LARGE');
  if (url && isBlockedPort(Number(portOf(url)))) throw new OutboundError('FORBIDDEN_PORT');
}

function explain({ issues }: z.ZodError): string {
  const [issue] = issues;
  return `${issue?.path.join('.')}: ${issue?.message}`.slice(0, maxDetail);
}

function failureOf(error: unknown): Fetched['failure'] {
  if (!(error instanceof OutboundError)) return { reason: 'INTERNAL', message: 'see the log of the service' };
  const { reason, message, detail } = error;
  return { reason, message: detail ?? message };
}

/** Whether the request's body may have been sent. */
function hasLeft(error: unknown): boolean {
  if (error === null) return true;
  return error instanceof OutboundError && error.code === 'FETCH_FAILED' && error.reason !== 'UNREACHABLE';
}

function outcomeOf(error: unknown): object {
  return error instanceof OutboundError
    ? { code: error.code, reason: error.reason, detail: error.detail }
    : { err: error };
}

/** Which names do not resolve and which are not public is one answer: a plugin is not to learn the names around it. */
function shownError(error: unknown): unknown {
  return error instanceof OutboundError && ['URL_BLOCKED', 'DNS_FAILED'].includes(error.code)
    ? new OutboundError('NO_PUBLIC_ADDRESS', { cause: error })
    : error;
}
