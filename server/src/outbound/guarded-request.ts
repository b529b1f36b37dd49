import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { Client } from 'undici';
import { type Headers, headerValues, headersOf } from './header-list.ts';
import { type HostAllowList, portOf } from './host-allow-list.ts';
import { type Dial, openConnection } from './open-connection.ts';
import { OutboundError } from './outbound-error.ts';
import { type Hop, isRedirect, nextHop, type RedirectPolicy } from './redirect.ts';
import { type Resolve, resolveHost, resolvePublic } from './resolve-public.ts';
import { judgeUrl, type UrlVerdict } from './url-verdict.ts';

const resolveDeadlineMs = 3_000;
const maxHeaderBytes = 32 * 1_024;

export interface OutboundRequest {
  url: string;
  /** Default: GET. */
  method?: string;
  /** `accept-encoding` is always `identity`, and `user-agent` has a default. */
  headers?: Headers;
  body?: Uint8Array | null;
  redirect: RedirectPolicy;
  /** Of the answer's body. */
  maxBytes: number;
  /** From the call to the last byte of the answer, redirects included. */
  deadlineMs: number;
  signal?: AbortSignal;
  /** Which of the operator's exceptions this request may use. Default: all. */
  mayUseException?: (url: URL) => boolean;
}

/** Dispose of it when its body is not read to the end. */
export interface OutboundAnswer extends AsyncDisposable {
  status: number;
  statusText: string;
  headers: Headers;
  /** The last one, after redirects; without a fragment. */
  url: string;
  /** The bytes as they came, once. Throws OutboundError FETCH_FAILED beyond `maxBytes` or the deadline. */
  body: AsyncIterable<Buffer>;
}

/**
 * Makes a request to the public Internet, or to a host that the operator let through.
 *
 * @throws {OutboundError} with any code but REQUEST_REFUSED
 */
export type GuardedRequest = (request: OutboundRequest) => Promise<OutboundAnswer>;

interface Dependencies {
  /** `OMNIROUTE_OUTBOUND_ALLOW_HOSTS`. */
  exceptions: HostAllowList;
  resolve: Resolve;
  /** Looks up the hosts of `exceptions`. */
  resolveException: Resolve;
  dial: Dial;
  /** Whether this service itself listens at a port of an address. */
  isOwn: (address: string, port: number) => boolean;
}

type Allowed = Extract<UrlVerdict, { allowed: true }>;

/** When a request ends, whether it is done or not. */
interface Limits {
  signal: AbortSignal;
  deadline: AbortSignal;
  maxBytes: number;
}

/**
 * Every request, and every hop of one, is judged, resolved and connected anew. No connection is used twice, so that
 * none serves a caller, or a later answer of the DNS, that it was not judged for.
 */
export function createGuardedRequest(dependencies: Dependencies): GuardedRequest {
  const { exceptions } = dependencies;
  return async ({ redirect, maxBytes, deadlineMs, mayUseException = () => true, ...request }) => {
    const deadline = AbortSignal.timeout(deadlineMs);
    const limits = {
      signal: request.signal ? AbortSignal.any([request.signal, deadline]) : deadline,
      deadline,
      maxBytes,
    };
    const allow = (text: string) =>
      allowedUrl(text, (url) => exceptions.includes(url) && mayUseException(url));
    let target = allow(request.url);
    let hop: Hop = {
      url: target.url,
      method: request.method ?? 'GET',
      headers: request.headers ?? [],
      body: request.body ?? null,
    };
    for (let followed = 0; ; followed += 1) {
      const answer = await send(hop, target, dependencies, limits);
      if (redirect === 'manual' || !isRedirect(answer.status)) return answer;
      await answer[Symbol.asyncDispose]();
      if (redirect === 'none') throw new OutboundError('REDIRECTED', { detail: `${answer.status}` });
      if (followed >= redirect.follow) throw new OutboundError('TOO_MANY_REDIRECTS');
      const next = nextHop(hop, answer.status, answer.headers);
      target = allow(next.url);
      hop = { ...next, url: target.url };
    }
  };
}

/** The whole body of an answer. */
export async function readAnswer({ body }: Pick<OutboundAnswer, 'body'>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function allowedUrl(text: string, isException: (url: URL) => boolean): Allowed {
  const verdict = judgeUrl(text, isException);
  if (verdict.allowed) return verdict;
  throw new OutboundError(verdict.reason, { detail: verdict.message });
}

async function send(
  hop: Hop,
  target: Allowed,
  dependencies: Dependencies,
  limits: Limits,
): Promise<OutboundAnswer> {
  const { signal } = limits;
  try {
    const socket = await connect(target, dependencies, signal);
    const client = clientOver(socket, hop.url.origin);
    try {
      const { statusCode, statusText, headers, body } = await client.request({
        method: hop.method,
        path: hop.url.pathname + hop.url.search,
        headers: requestHeaders(hop.headers),
        body: hop.body,
        reset: true,
        signal,
      });
      // Without a reader, its error has nobody else who listens.
      body.on('error', () => undefined);
      const answer = headersOf(headers);
      refuseTooLong(hop.method, statusCode, answer, limits.maxBytes);
      return {
        status: statusCode,
        statusText,
        headers: answer,
        url: hop.url.href,
        body: capped(body, client, limits),
        [Symbol.asyncDispose]: () => client.destroy(),
      };
    } catch (error) {
      await client.destroy();
      throw error;
    }
  } catch (error) {
    throw outboundError(error, limits);
  }
}

async function connect(target: Allowed, dependencies: Dependencies, signal: AbortSignal): Promise<Socket> {
  const { url, hostname, isException } = target;
  const { resolve, resolveException, dial, isOwn } = dependencies;
  const deadlineMs = resolveDeadlineMs;
  const addresses = target.isAddress
    ? [{ address: hostname, family: hostname.includes(':') ? 6 : 4 }]
    : isException
      ? await resolveHost(hostname, { resolve: resolveException, deadlineMs, signal })
      : await resolvePublic(hostname, { resolve, deadlineMs, signal });
  const port = Number(portOf(url));
  // No exception is for the service: what asks for it here is on this machine, as management demands of its callers.
  if (addresses.some(({ address }) => isOwn(address, port))) throw new OutboundError('OWN_PORT');
  const isTls = url.protocol === 'https:';
  return openConnection({ hostname, port, isTls, addresses }, dial, signal);
}

function clientOver(socket: Socket, origin: string): Client {
  let isTaken = false;
  return new Client(origin, {
    connect: (_options, callback) => {
      const isFirst = !isTaken;
      isTaken = true;
      // The client is not ready for an answer within the call.
      queueMicrotask(() => {
        if (isFirst) callback(null, socket);
        else callback(new Error('the connection is closed'), null);
      });
    },
    allowH2: false,
    maxHeaderSize: maxHeaderBytes,
    // The request has a deadline as a whole.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

/** What the server compresses would have to be bounded twice: it is asked not to, and nothing is decoded. */
function requestHeaders(headers: Headers): string[] {
  const own = headers.filter(([name]) => name !== 'accept-encoding');
  const agent = headerValues(own, 'user-agent').length > 0 ? [] : [['user-agent', 'OmniRoute'] as const];
  return [...own, ...agent, ['accept-encoding', 'identity'] as const].flat();
}

function refuseTooLong(method: string, status: number, headers: Headers, maxBytes: number): void {
  const hasBody = method !== 'HEAD' && status !== 204 && status !== 304;
  const [length = '0'] = headerValues(headers, 'content-length');
  if (hasBody && Number(length) > maxBytes) throw new OutboundError('ANSWER_TOO_LARGE', { detail: length });
}

async function* capped(
  body: Readable,
  client: Client,
  limits: Limits,
): AsyncGenerator<Buffer, void, undefined> {
  let size = 0;
  try {
    const chunks: AsyncIterable<Buffer> = body;
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > limits.maxBytes) throw new OutboundError('ANSWER_TOO_LARGE');
      yield chunk;
    }
  } catch (error) {
    throw outboundError(error, limits);
  } finally {
    await client.destroy();
  }
}

function outboundError(error: unknown, { signal, deadline }: Limits): OutboundError {
  if (error instanceof OutboundError) return error;
  // The deadline is one of the two that abort the signal; the reason tells which was first.
  if (signal.aborted) {
    return new OutboundError(signal.reason === deadline.reason ? 'DEADLINE' : 'ABORTED', { cause: error });
  }
  return new OutboundError('BROKEN_ANSWER', { cause: error });
}
