export type Headers = Record<string, string>;

const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
];

/** Headers of one connection, which no hook may set and no proxy forwards (RFC 9110, 7.6.1). */
export const connectionHeaders: ReadonlySet<string> = new Set([...hopByHop, 'host', 'content-length']);

/** Whether a header is for one connection only. `connection` is the value of that header, which may name more. */
export function isConnectionHeader(name: string, connection: string | undefined): boolean {
  if (connectionHeaders.has(name)) return true;
  return connection?.split(',').some((item) => item.trim().toLowerCase() === name) ?? false;
}

const credentials = new Set([
  'authorization',
  'cookie',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'proxy-authorization',
]);

const notSettableByHooks = new Set([...connectionHeaders, 'authorization', 'cookie', 'proxy-authorization']);

/** What a plugin sees of the request's headers: all but the credentials. */
export function withoutCredentials(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !credentials.has(name)));
}

/** Splits the header changes of a hook into those that go upstream and the names that are refused. */
export function acceptedHeaderChanges(changes: Record<string, string | null>): {
  accepted: [string, string | null][];
  refused: string[];
} {
  const entries = Object.entries(changes);
  return {
    accepted: entries.filter(([name]) => !notSettableByHooks.has(name)),
    refused: entries.map(([name]) => name).filter((name) => notSettableByHooks.has(name)),
  };
}
