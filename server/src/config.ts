import { readFileSync } from 'node:fs';
import { isIP, isIPv6, SocketAddress } from 'node:net';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostPatternSchema } from '@omniroute/shared/host-pattern';
import { settingsSchema } from '@omniroute/shared/settings';
import { z } from 'zod';
import { type LogLevel, logLevels } from './logger.ts';
import { isLoopbackAddress } from './loopback.ts';
import { StartupError } from './startup-error.ts';

export interface Config {
  /** 0: any free one. */
  port: number;
  /** An address to bind for the gateway besides loopback; null: loopback only. */
  host: string | null;
  dataDir: string;
  authToken: string | null;
  gatewayKey: string | null;
  upstreamUrl: string | null;
  upstreamApiKey: string | null;
  allowExec: boolean;
  safeMode: boolean;
  logLevel: LogLevel;
  /** `host` or `host:port`, lower case. */
  outboundAllowHosts: string[];
  migrationsDir: string;
  webDir: string;
  catalogDir: string;
  version: string;
}

type Env = Record<string, string | undefined>;

const flag = z
  .enum(['0', '1', 'false', 'true'], 'must be 1 or 0')
  .default('0')
  .transform((value) => value === '1' || value === 'true');

const secret = z
  .string()
  .max(500, 'must be at most 500 characters')
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII characters without blanks')
  .nullable()
  .default(null);

const envSchema = z.object({
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, 'must be a port number from 0 to 65535')
    .transform(Number)
    .refine((port) => port <= 65_535, 'must be a port number from 0 to 65535')
    .default(20_128),
  OMNIROUTE_HOST: z
    .string()
    .refine(
      (host) => host === 'localhost' || isIP(host) !== 0,
      'must be localhost or an IP address, such as 0.0.0.0',
    )
    .transform((host) => (isLoopback(host) ? null : oneSpelling(host)))
    .default(null),
  OMNIROUTE_DATA_DIR: z.string().optional(),
  OMNIROUTE_AUTH_TOKEN: secret,
  OMNIROUTE_GATEWAY_KEY: secret,
  OMNIROUTE_UPSTREAM_URL: settingsSchema.shape.upstreamBaseUrl.default(null),
  OMNIROUTE_UPSTREAM_API_KEY: secret,
  OMNIROUTE_PLUGINS_ALLOW_EXEC: flag,
  OMNIROUTE_SAFE_MODE: flag,
  OMNIROUTE_OUTBOUND_ALLOW_HOSTS: z
    .string()
    .default('')
    .transform((list) =>
      list
        .toLowerCase()
        .split(',')
        .map((host) => host.trim())
        .filter((host) => host !== ''),
    )
    .refine(
      (hosts) => hosts.every((host) => !host.startsWith('*') && hostPatternSchema.safeParse(host).success),
      'must be a list such as registry.example,10.0.0.5:8080',
    ),
  LOG_LEVEL: z.enum(logLevels, `must be one of ${logLevels.join(', ')}`).default('info'),
  HOME: z.string().optional(),
  USERPROFILE: z.string().optional(),
});

/** The environment as it is. Nothing else reads it, but for what a plugin's process gets. */
export function readEnv(): Env {
  return process.env;
}

/** Throws StartupError with one sentence per variable that is not acceptable. An empty variable is an unset one. */
export function parseConfig(env: Env): Config {
  const set = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const { data, error } = envSchema.safeParse(set);
  if (error) {
    throw new StartupError(
      error.issues.map(({ path, message }) => `${path.join('.')} ${message}.`).join('\n'),
    );
  }
  if (data.OMNIROUTE_HOST !== null && data.OMNIROUTE_GATEWAY_KEY === null) {
    throw new StartupError(
      `OMNIROUTE_HOST=${data.OMNIROUTE_HOST} opens the gateway to the network: set OMNIROUTE_GATEWAY_KEY to the key that its callers must send.`,
    );
  }
  return {
    port: data.PORT,
    host: data.OMNIROUTE_HOST,
    dataDir: dataDirOf(data.OMNIROUTE_DATA_DIR, data.HOME ?? data.USERPROFILE),
    authToken: data.OMNIROUTE_AUTH_TOKEN,
    gatewayKey: data.OMNIROUTE_GATEWAY_KEY,
    upstreamUrl: data.OMNIROUTE_UPSTREAM_URL,
    upstreamApiKey: data.OMNIROUTE_UPSTREAM_API_KEY,
    allowExec: data.OMNIROUTE_PLUGINS_ALLOW_EXEC,
    safeMode: data.OMNIROUTE_SAFE_MODE,
    logLevel: data.LOG_LEVEL,
    outboundAllowHosts: data.OMNIROUTE_OUTBOUND_ALLOW_HOSTS,
    migrationsDir: repositoryPath('migrations'),
    webDir: repositoryPath('web/dist'),
    catalogDir: repositoryPath('plugins'),
    version: packageVersion(),
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || isLoopbackAddress(host);
}

/** A wildcard has to be known for one, however it is written. A zone is the machine's own affair. */
function oneSpelling(address: string): string {
  if (!isIPv6(address) || address.includes('%')) return address;
  return new SocketAddress({ address, family: 'ipv6' }).address.replace(/^::ffff:(?=\d+\.)/, '');
}

function dataDirOf(given: string | undefined, home: string | undefined): string {
  if (given !== undefined) return resolve(given);
  if (home === undefined)
    throw new StartupError('Set OMNIROUTE_DATA_DIR: there is no HOME to keep the data in.');
  return join(home, '.omniroute');
}

function packageVersion(): string {
  const text = readFileSync(repositoryPath('server/package.json'), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}

function repositoryPath(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
