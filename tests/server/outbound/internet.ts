import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import { getCACertificates, setDefaultCACertificates, TLSSocket } from 'node:tls';
import {
  createGuardedRequest,
  type GuardedRequest,
  type OutboundRequest,
} from '@omniroute/server/outbound/guarded-request';
import { HostAllowList } from '@omniroute/server/outbound/host-allow-list';
import type { Dial } from '@omniroute/server/outbound/open-connection';
import type { Resolve, ResolvedAddress } from '@omniroute/server/outbound/resolve-public';
import { expect } from 'vitest';

const tls = new URL('../../fixtures/tls/', import.meta.url);
const certificate = readFileSync(new URL('certificate.pem', tls), 'utf8');
const key = readFileSync(new URL('key.pem', tls), 'utf8');

/** Makes this worker trust the certificate of {@link Internet}. */
export function trustTestCertificate(): void {
  setDefaultCACertificates([...getCACertificates('default'), certificate]);
}

export const publicAddress: ResolvedAddress = { address: '140.82.112.3', family: 4 };

export interface Visit {
  /** With scheme and Host header. */
  url: string;
  method: string;
  /** What the client asked for by SNI; false without, null without TLS. */
  serverName: unknown;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
}

/**
 * Every public server there is, played by one on loopback: connections to a public address end there, and their
 * sockets say that they are connected to the address that was asked for.
 */
export interface Internet extends AsyncDisposable {
  readonly visits: Visit[];
  /** Where connections were asked to go: every address that might have been tried. */
  readonly dialled: string[];
  /** What a name resolves to. */
  resolve: Resolve;
  /** Where a socket says that it is connected to, if not where it was asked to go. */
  landsOn: string | undefined;
  answer: RequestListener;
  readonly dial: Dial;
  readonly request: GuardedRequest;
}

export async function startInternet(): Promise<Internet> {
  const visits: Visit[] = [];
  const dialled: string[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { socket, method = '', headers } = request;
      const secure = socket instanceof TLSSocket;
      visits.push({
        url: `${secure ? 'https' : 'http'}://${headers.host}${request.url}`,
        method,
        serverName: 'servername' in socket ? socket.servername : null,
        headers,
        body: Buffer.concat(chunks).toString(),
      });
      internet.answer(request, response);
    });
  };
  const plain = createServer(listener);
  const secure = createTlsServer({ cert: certificate, key }, listener);
  const [plainPort, securePort] = await Promise.all([listen(plain), listen(secure)]);
  const dial: Dial = ({ host = '', port, lookup }) => {
    let addresses: { address: string }[] = [{ address: host }];
    lookup?.(host, { all: true }, (_error, found) => {
      if (typeof found !== 'string') addresses = found;
    });
    dialled.push(...addresses.map(({ address }) => address));
    const socket = connect(port === 443 ? securePort : plainPort, '127.0.0.1');
    Object.defineProperty(socket, 'remoteAddress', {
      get: () => internet.landsOn ?? addresses[0]?.address,
    });
    return socket;
  };
  const internet: Internet = {
    visits,
    dialled,
    resolve: async () => [publicAddress],
    landsOn: undefined,
    answer: (_request, response) => response.end('ok'),
    dial,
    request: createGuardedRequest({
      exceptions: new HostAllowList([]),
      resolve: (hostname, signal) => internet.resolve(hostname, signal),
      resolveException: () => Promise.reject(new Error('there are no exceptions')),
      dial,
      isOwn: () => false,
    }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([close(plain), close(secure)]);
    },
  };
  return internet;
}

export const limits: Pick<OutboundRequest, 'redirect' | 'maxBytes' | 'deadlineMs'> = {
  redirect: { follow: 3 },
  maxBytes: 1_000_000,
  deadlineMs: 10_000,
};

/** The error of a request that must have one. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.unreachable('the request was answered'),
    (error: unknown) => error,
  );
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
