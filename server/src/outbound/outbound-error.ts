import { type UrlBlockReason, urlBlockReasons } from './url-verdict.ts';

export type OutboundCode = 'URL_BLOCKED' | 'DNS_FAILED' | 'FETCH_FAILED' | 'BAD_STATUS' | 'REQUEST_REFUSED';

const blocked =
  'The URL cannot be used: only public http and https addresses without credentials can be reached.';

// A reason says to the log what happened. `message` is what may be shown: it is the same for everything that the guard
// blocks, so that nobody learns about the network behind it from the differences.
const failures = {
  HTTPS_TO_HTTP: { code: 'URL_BLOCKED', message: blocked },
  UNREADABLE_ADDRESS: { code: 'URL_BLOCKED', message: blocked },
  UNJUDGED_SOCKET: { code: 'URL_BLOCKED', message: blocked },
  OWN_PORT: { code: 'URL_BLOCKED', message: blocked },
  DNS_ERROR: { code: 'DNS_FAILED', message: 'The host name cannot be resolved.' },
  DNS_TIMEOUT: { code: 'DNS_FAILED', message: 'The host name cannot be resolved.' },
  DNS_EMPTY: { code: 'DNS_FAILED', message: 'The host name cannot be resolved.' },
  UNREACHABLE: { code: 'FETCH_FAILED', message: 'The server cannot be reached.' },
  BROKEN_ANSWER: { code: 'FETCH_FAILED', message: 'The server did not give a whole, readable answer.' },
  DEADLINE: { code: 'FETCH_FAILED', message: 'The server did not answer within the time allowed.' },
  ABORTED: { code: 'FETCH_FAILED', message: 'The request was given up.' },
  ANSWER_TOO_LARGE: { code: 'FETCH_FAILED', message: 'The answer is larger than is allowed.' },
  REDIRECTED: { code: 'BAD_STATUS', message: 'The server answered with a redirect, which is not followed.' },
  TOO_MANY_REDIRECTS: { code: 'BAD_STATUS', message: 'The server redirects too often.' },
  REDIRECT_TO_NOWHERE: { code: 'BAD_STATUS', message: 'The server redirects without saying where to.' },
  NO_PUBLIC_ADDRESS: {
    code: 'URL_BLOCKED',
    message: 'The host cannot be used: its name does not resolve, or it is no public http or https address.',
  },
  HOST_NOT_LISTED: {
    code: 'REQUEST_REFUSED',
    message: 'The host is not among requires.hosts of plugin.json: list it there.',
  },
  INVALID_REQUEST: { code: 'REQUEST_REFUSED', message: 'The request is not a valid one.' },
  FORBIDDEN_METHOD: {
    code: 'REQUEST_REFUSED',
    message: 'The methods CONNECT, TRACE and TRACK are not allowed.',
  },
  FORBIDDEN_HEADER: {
    code: 'REQUEST_REFUSED',
    message: 'The request has a header that fetch does not let callers set.',
  },
  FORBIDDEN_PORT: { code: 'REQUEST_REFUSED', message: 'The port belongs to another protocol than HTTP.' },
  REQUEST_TOO_LARGE: {
    code: 'REQUEST_REFUSED',
    message: 'The body of the request is larger than is allowed.',
  },
  TOO_MANY_IN_FLIGHT: {
    code: 'REQUEST_REFUSED',
    message: 'The answers that the plugin waits for are larger together than is allowed.',
  },
} as const satisfies Record<string, { code: OutboundCode; message: string }>;

export type OutboundReason = UrlBlockReason | keyof typeof failures;

interface Details {
  /** For the log. */
  detail?: string;
  cause?: unknown;
}

/**
 * A request that was not made, or came to nothing. `code` and `message` may be shown; `reason` and `detail` are for
 * the log only.
 */
export class OutboundError extends Error {
  readonly code: OutboundCode;
  readonly reason: OutboundReason;
  readonly detail: string | undefined;

  constructor(reason: OutboundReason, { detail, cause }: Details = {}) {
    const { code, message } = isUrlBlockReason(reason)
      ? { code: 'URL_BLOCKED' as const, message: blocked }
      : failures[reason];
    super(message, { cause });
    this.name = 'OutboundError';
    this.code = code;
    this.reason = reason;
    this.detail = detail;
  }
}

function isUrlBlockReason(reason: OutboundReason): reason is UrlBlockReason {
  return urlBlockReasons.some((known) => known === reason);
}
