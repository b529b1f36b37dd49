import { type Headers, headerValues } from './header-list.ts';
import { OutboundError } from './outbound-error.ts';

/**
 * `none`: an answer that redirects is an error. `manual`: it is an answer like any other. `follow`: at most so many
 * are followed.
 */
export type RedirectPolicy = 'none' | 'manual' | { follow: number };

export interface Hop {
  url: URL;
  method: string;
  headers: Headers;
  body: Uint8Array | null;
}

const redirectStatuses = new Set([301, 302, 303, 307, 308]);

// What is sent to another origin than the caller asked: everything else may be a credential, or for the first one only.
const headersForAnyOrigin = new Set(['accept', 'accept-language', 'content-type', 'user-agent']);

export function isRedirect(status: number): boolean {
  return redirectStatuses.has(status);
}

/**
 * The request that a redirect asks for, by the rules of the WHATWG (https://fetch.spec.whatwg.org/#http-redirect-fetch).
 * Its URL is not judged yet.
 *
 * @throws {OutboundError} BAD_STATUS without a location that is a URL, URL_BLOCKED for one from https to http
 */
export function nextHop(hop: Hop, status: number, answer: Headers): Omit<Hop, 'url'> & { url: string } {
  const locations = headerValues(answer, 'location');
  const [location] = locations;
  const url = location === undefined || locations.length > 1 ? null : URL.parse(location, hop.url.href);
  if (!url) throw new OutboundError('REDIRECT_TO_NOWHERE', { detail: locations.join(', ') });
  if (hop.url.protocol === 'https:' && url.protocol === 'http:') {
    throw new OutboundError('HTTPS_TO_HTTP', { detail: url.host });
  }
  const becomesGet = status === 303 ? hop.method !== 'HEAD' : status <= 302 && hop.method === 'POST';
  return {
    url: url.href,
    method: becomesGet ? 'GET' : hop.method,
    body: becomesGet ? null : hop.body,
    headers: hop.headers.filter(
      ([name]) =>
        (url.origin === hop.url.origin || headersForAnyOrigin.has(name)) &&
        !(becomesGet && name.startsWith('content-')),
    ),
  };
}
