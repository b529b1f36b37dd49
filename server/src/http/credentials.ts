import type { Credentials } from '../auth/auth-service.ts';
import { sessionLifetimeMs } from '../auth/auth-service.ts';
import { headerValues } from './headers.ts';

const cookieName = 'auth_token';
const cookieAttributes = 'Path=/; HttpOnly; SameSite=Strict';

/** The credentials in a request's headers. Whatever comes twice, or is no bearer token, makes all of them invalid. */
export function credentialsOf(rawHeaders: readonly string[]): Credentials {
  const authorizations = headerValues(rawHeaders, 'authorization');
  const cookies = sessionCookies(rawHeaders);
  const bearer = /^Bearer +([\x21-\x7e]+)$/i.exec(authorizations[0] ?? '')?.[1] ?? null;
  return {
    bearer,
    cookie: cookies[0] ?? null,
    invalid:
      authorizations.length > 1 || cookies.length > 1 || (authorizations.length === 1 && bearer === null),
  };
}

/** The Set-Cookie header that keeps a session for its 30 days, or with null ends it. */
export function sessionCookie(sessionId: string | null): string {
  const maxAgeSeconds = sessionId === null ? 0 : sessionLifetimeMs / 1_000;
  return `${cookieName}=${sessionId ?? ''}; ${cookieAttributes}; Max-Age=${maxAgeSeconds}`;
}

function sessionCookies(rawHeaders: readonly string[]): string[] {
  return headerValues(rawHeaders, 'cookie')
    .flatMap((header) => header.split(';'))
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${cookieName}=`))
    .map((pair) => pair.slice(cookieName.length + 1));
}
