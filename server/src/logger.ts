import { type DestinationStream, destination, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

const secretHeaders = [
  'authorization',
  '["proxy-authorization"]',
  'cookie',
  '["set-cookie"]',
  '["x-api-key"]',
  '["api-key"]',
];
const secretFields = ['token', 'apiKey', 'upstreamApiKey'];

// A bare `code` is an error's or an exit's: only a login's input holds a secret one.
const secretPaths = [
  ...secretHeaders,
  ...secretFields,
  ...secretHeaders.map((name) => (name.startsWith('[') ? `headers${name}` : `headers.${name}`)),
  ...[...secretFields, 'code'].flatMap((field) => [`input.${field}`, `body.${field}`]),
];

/** Writes JSON lines to stderr. Event names are stable: `logger.info({ plugin }, 'plugin.activated')`. */
export function createLogger(
  level: LogLevel,
  stream: DestinationStream = destination({ fd: 2, sync: true }),
): Logger {
  return pino({ level, redact: { paths: secretPaths, censor: '[redacted]' } }, stream);
}
