import { type Headers, isConnectionHeader } from '../pipeline/header-rules.ts';
import type { UpstreamHeaders } from './upstream.ts';

export type AnswerHeaders = Record<string, string | string[]>;

/** The upstream's headers for the client: without those of its connection, and with its own request id set apart. */
export function clientHeaders(headers: UpstreamHeaders): AnswerHeaders {
  const connection = String(headers['connection'] ?? '');
  const entries = Object.entries(headers).flatMap(([name, value]) => {
    if (value === undefined || (isConnectionHeader(name, connection) && name !== 'content-length')) return [];
    return [[name === 'x-request-id' ? 'x-upstream-request-id' : name, value] as const];
  });
  return Object.fromEntries(entries);
}

/** {@link clientHeaders} as hooks read them: one string each. */
export function hookHeaders(headers: UpstreamHeaders): Headers {
  const entries = Object.entries(clientHeaders(headers)).map(
    ([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value] as const,
  );
  return Object.fromEntries(entries);
}

/** What hooks left of the headers, with what {@link hookHeaders} joined as the separate lines that it was. */
export function afterHooks(headers: Headers, original: UpstreamHeaders): AnswerHeaders {
  const joined = hookHeaders(original);
  const lines = Object.entries(clientHeaders(original)).filter(([name]) => headers[name] === joined[name]);
  return { ...headers, ...Object.fromEntries(lines) };
}

/**
 * The headers of an answer as they leave this site, which the dashboard shares: whatever a plugin or an upstream sends,
 * a browser must not run it here, nor take it for the dashboard's session.
 */
export function onThisSite(headers: AnswerHeaders): AnswerHeaders {
  const { 'set-cookie': cookies, ...rest } = headers;
  const kept = [cookies ?? []].flat().filter((cookie) => !/^\s*auth_token\s*=/i.test(cookie));
  return {
    ...rest,
    ...(kept.length === 0 ? {} : { 'set-cookie': kept }),
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    'content-security-policy': "sandbox; default-src 'none'",
  };
}

export function isEventStream(headers: UpstreamHeaders): boolean {
  return /^text\/event-stream\b/i.test(String(headers['content-type'] ?? ''));
}

export function isJson(headers: UpstreamHeaders): boolean {
  return /^application\/(.+\+)?json\b/i.test(String(headers['content-type'] ?? ''));
}
