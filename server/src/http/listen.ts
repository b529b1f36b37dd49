import { once } from 'node:events';
import type { Server } from 'node:http';
import { isIPv6 } from 'node:net';
import { errorCode, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { StartupError } from '../startup-error.ts';

interface ListenOptions {
  /** 0: any that is free at every address. */
  port: number;
  /** An address besides loopback, or null. */
  host: string | null;
  createServer: () => Server;
  logger: Logger;
}

export interface Listening {
  port: number;
  servers: Server[];
}

const attemptsAtAnyPort = 10;

/**
 * Listens at 127.0.0.1 and ::1, and at `host`, all on one port. A machine without IPv6 is a log line.
 * Throws StartupError for a port or an address that cannot be had.
 */
export async function listen(options: ListenOptions): Promise<Listening> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await listenOnce(options);
    } catch (error) {
      if (options.port !== 0 || attempt === attemptsAtAnyPort || errorCode(error) !== 'EADDRINUSE') {
        throw startupError(error, options);
      }
    }
  }
}

async function listenOnce({ port, host, createServer, logger }: ListenOptions): Promise<Listening> {
  const listening: Listening = { port, servers: [] };
  try {
    for (const address of addressesFor(host)) {
      const server = createServer();
      try {
        listening.port = await listenAt(server, address, listening.port);
        listening.servers.push(server);
      } catch (error) {
        if (address !== '::1' || !isWithoutIpv6(error)) throw error;
        logger.info({ address, reason: messageOf(error) }, 'http.address-missing');
      }
    }
    return listening;
  } catch (error) {
    for (const server of listening.servers) server.close();
    throw error;
  }
}

async function listenAt(server: Server, address: string, port: number): Promise<number> {
  server.listen({ host: address, port });
  await once(server, 'listening');
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : port;
}

/** A wildcard holds the loopback address of its family already. */
function addressesFor(host: string | null): string[] {
  if (host === '::') return ['::'];
  if (host === '0.0.0.0') return ['0.0.0.0', '::1'];
  return host === null ? ['127.0.0.1', '::1'] : ['127.0.0.1', '::1', host];
}

function startupError(error: unknown, { port, host }: ListenOptions): StartupError {
  if (errorCode(error) === 'EADDRINUSE') {
    const message = `Port ${port} is in use by another program: stop that, or start with another port, such as PORT=${port + 1}.`;
    return new StartupError(message, { cause: error });
  }
  if (errorCode(error) === 'EACCES') {
    return new StartupError(`Port ${port} may not be used without privileges: set PORT to 1024 or above.`, {
      cause: error,
    });
  }
  const address = host !== null && isIPv6(host) ? `[${host}]` : (host ?? 'localhost');
  return new StartupError(`Cannot listen at ${address}:${port} (${messageOf(error)}).`, { cause: error });
}

function isWithoutIpv6(error: unknown): boolean {
  return ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL'].includes(errorCode(error));
}
