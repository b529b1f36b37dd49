import { createHmac } from 'node:crypto';
import type { Headers } from './header-rules.ts';

/**
 * Who calls, without the secret: an HMAC-SHA-256 of the caller's API key, as 32 hex digits, or null without one.
 * `provenKey` is one that the caller has proved to hold: it says more than the headers. The same key has the same id on this machine only, since `hmacKey` never leaves it.
 */
export function apiKeyInfo(
  headers: Headers,
  provenKey: string | null,
  hmacKey: Buffer,
): { id: string } | null {
  const bearer = /^Bearer\s+(.+)$/i.exec(headers.authorization ?? '')?.[1];
  const key = provenKey ?? bearer ?? headers['x-api-key'] ?? headers['api-key'] ?? headers['x-goog-api-key'];
  if (key === undefined || key === '') return null;
  return { id: createHmac('sha256', hmacKey).update(key).digest('hex').slice(0, 32) };
}
