import { z } from 'zod';
import type { Logger } from '../logger.ts';
import { isBlockedPort, isForbiddenHeader, isForbiddenMethod, normalizeMethod } from './fetch-rules.ts';
import type { GuardedRequest, OutboundAnswer } from './guarded-request.ts';
import type { Headers } from './header-list.ts';
import { HostAllowList, portOf } from './host-allow-list.ts';
import { OutboundError } from './outbound-error.ts';

const maxRequestBytes = 1_024 * 1_024;
const maxAnswerBytes = 10 * 1_024 * 1_024;
const maxInFlight = 64;
const maxBytesInFlight = 64 * 1_024 * 1_024;
const maxHeaderBytes = 16 * 1_024;
const defaultDeadlineMs = 30_000;

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** What a plugin's `fetch` asks for, but for the body. Header values are bytes, one character each, as fetch has them. */
const pluginFetchSchema = z.object({
  url: z.string(),
  method: z.string().max(100).regex(token).default('GET'),
  headers: z
    .array(
      z.tuple([
        z.string().max(1_000).regex(token).toLowerCase(),
        z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/),
      ]),
    )
    .max(200)
    .refine((headers) => headers.flat().join('').length <= maxHeaderBytes)
    .default([]),
  timeoutMs: z.int().min(1).max(60_000).default(defaultDeadlineMs),
});
type Asked = z.infer<typeof pluginFetchSchema>;

/** What the plugin gets. A redirect is an answer: `redirect` is `manual`. */
export interface PluginFetchAnswer {
  status: number;
  statusText: string;
  headers: Headers;
  url: string;
  body: Buffer;
}

/** Since the plugin's process started. */
export interface PluginFetchCounts {
  requests: number;
  /** Of these, how many the plugin got no answer to. */
  failed: number;
  bytesSent: number;
  bytesReceived: number;
}

interface Options {
  plugin: string;
  /** `requires.hosts`; empty: every public host. */
  hosts: readonly string[];
  request: GuardedRequest;
  logger: Logger;
}

/** The `fetch` of one plugin, as the service makes it. Every call is counted, and has a line in the log. */
export class PluginFetch {
  readonly counts: PluginFetchCounts = { requests: 0, failed: 0, bytesSent: 0, bytesReceived: 0 };
  readonly #options: Options;
  readonly #hosts: HostAllowList;
  #inFlight = 0;
  #bytesInFlight = 0;

  constructor(options: Options) {
    this.#options = options;
    this.#hosts = new HostAllowList(options.hosts);
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
    this.counts.requests += 1;
    this.#inFlight += 1;
    try {
      const answer = await this.#fetch(head, body, signal, call);
      this.#log(call, startedAt, { status: answer.status });
      return answer;
    } catch (error) {
      this.counts.failed += 1;
      this.#log(call, startedAt, outcomeOf(error));
      throw shownError(error);
    } finally {
      this.#inFlight -= 1;
      this.#bytesInFlight -= call.answerBytes;
    }
  }

  async #fetch(
    head: unknown,
    body: Uint8Array | null,
    signal: AbortSignal,
    call: Call,
  ): Promise<PluginFetchAnswer> {
    if (this.#inFlight > maxInFlight) throw new OutboundError('TOO_MANY_IN_FLIGHT');
    const asked = parseHead(head);
    const url = URL.parse(asked.url);
    call.method = asked.method;
    call.host = url?.host ?? null;
    checkRules(asked, body, url);
    if (url && !this.#hosts.isEmpty && !this.#hosts.includes(url)) {
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
      mayUseException: (target) => this.#hosts.names(target),
    });
    this.counts.bytesSent += call.requestBytes;
    const { status, statusText, headers, url: answeredBy } = answer;
    return { status, statusText, headers, url: answeredBy, body: await this.#read(answer, call) };
  }

  async #read({ body }: OutboundAnswer, call: Call): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of body) {
      chunks.push(chunk);
      call.answerBytes += chunk.length;
      this.counts.bytesReceived += chunk.length;
      this.#bytesInFlight += chunk.length;
      if (this.#bytesInFlight > maxBytesInFlight) throw new OutboundError('TOO_MANY_IN_FLIGHT');
    }
    return Buffer.concat(chunks);
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
  readonly requestBytes: number;

  constructor(requestBytes: number) {
    this.requestBytes = requestBytes;
  }
}

function parseHead(head: unknown): Asked {
  const { data, error } = pluginFetchSchema.safeParse(head);
  if (error) throw new OutboundError('INVALID_REQUEST', { detail: z.prettifyError(error) });
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
