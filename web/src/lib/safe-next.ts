/** Where to go after login: a path of this origin, or `/` for anything else. */
export function safeNext(next: unknown, origin: string): string {
  if (typeof next !== 'string' || !next.startsWith('/')) return '/';
  const url = URL.parse(next, origin);
  if (url === null || url.origin !== origin || url.pathname === '/login') return '/';
  return `${url.pathname}${url.search}`;
}
