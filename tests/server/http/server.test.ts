import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { listen } from '@omniroute/server/http/listen';
import { createLogger } from '@omniroute/server/logger';
import { createServer as createHttpServer } from 'node:http';
import { describe, expect, test } from 'vitest';
import { startTestService } from './test-service.ts';

const logger = createLogger('silent');
const ipv6Missing = ['EADDRNOTAVAIL', 'EAFNOSUPPORT'];

async function listenOn(host: string): Promise<{ port: number; close: () => void } | null> {
  const server = createServer().listen({ host, port: 0 });
  try {
    await once(server, 'listening');
  } catch (error) {
    if (error instanceof Error && 'code' in error && ipv6Missing.includes(String(error.code))) return null;
    throw error;
  }
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

describe('listening', () => {
  test('A13: is on loopback only, on one port', async () => {
    const { servers, port } = await listen({ port: 0, host: null, logger, createServer: createHttpServer });
    const addresses = servers.map((server) => server.address() as AddressInfo);
    expect(addresses.map(({ address }) => address)).toEqual(['127.0.0.1', '::1']);
    expect(new Set(addresses.map((address) => address.port))).toEqual(new Set([port]));
    for (const server of servers) server.close();
  });

  test.for(['127.0.0.1', '::1'])('says what to do when the port is taken at %s', async (host, { skip }) => {
    const other = await listenOn(host);
    if (other === null) return skip(`this machine does not have ${host}`);
    await expect(
      listen({ port: other.port, host: null, logger, createServer: createHttpServer }),
    ).rejects.toThrow(
      `Port ${other.port} is in use by another program: stop that, or start with another port, such as PORT=${other.port + 1}.`,
    );
    other.close();
  });
});

test('closing lets what is in flight finish, and refuses what comes later', async () => {
  const entered = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const service = await startTestService({
    plugins: {
      scan: async () => {
        entered.resolve();
        await release.promise;
        return { discovered: 7, errors: [] };
      },
    },
  });
  const idle = connect({ port: service.port, host: '127.0.0.1' });
  const idleClosed = once(idle.resume(), 'close');
  const inFlight = service.manage({ method: 'POST', path: '/api/plugins/scan' });
  await entered.promise;
  const closed = service.server.close();
  expect(service.server.stopping).toBe(true);
  await idleClosed;
  expect((await service.send({ path: '/api/health' })).status).toBe(0);
  release.resolve();
  expect((await inFlight).json()).toEqual({ discovered: 7, errors: [] });
  await closed;
  await service[Symbol.asyncDispose]();
});

test('closing does not wait for ever', async () => {
  const entered = Promise.withResolvers<void>();
  await using service = await startTestService({ gateway: { handle: () => entered.resolve() } });
  const unanswered = service.send({ path: '/v1/models' });
  await entered.promise;
  await service.server.close();
  expect((await unanswered).status).toBe(0);
});
