import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { listen } from '@omniroute/server/http/listen';
import { createLogger } from '@omniroute/server/logger';
import { createServer as createHttpServer } from 'node:http';
import { describe, expect, test } from 'vitest';
import { sendBytes } from './raw-request.ts';
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

describe('what is no request', () => {
  test.each([
    ['F3', 'get / HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    ['F4', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    [
      'F5',
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['F6', 'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n', 400],
    ['F8', 'GET / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n', 400],
    ['F11', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(17 * 1024)}\r\n\r\n`, 431],
    ['F20', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['F20', '\x16\x03\x01\x02\x00\x01', 400],
  ])('%s: %j gets %i', async (_id, bytes, status) => {
    await using service = await startTestService();
    expect((await sendBytes(service.port, bytes)).status).toBe(status);
  });

  test.each(['TRACE', 'PROPFIND', 'QUERY', 'SEARCH'])('F2: %s is 405', async (method) => {
    await using service = await startTestService();
    expect((await service.manage({ method, path: '/api/plugins' })).status).toBe(405);
  });

  test('F21: an upgrade to HTTP/2 is not made', async () => {
    await using service = await startTestService();
    const headers: [string, string][] = [
      ['Upgrade', 'h2c'],
      ['HTTP2-Settings', 'x'],
    ];
    expect((await service.manage({ path: '/api/plugins', headers })).status).toBe(200);
  });
});

test('F13: of two requests on one connection each is judged by itself', async () => {
  await using service = await startTestService();
  const head = `GET /api/plugins HTTP/1.1\r\nHost: localhost:${service.port}\r\n`;
  const { text, status } = await sendBytes(
    service.port,
    `${head}Authorization: Bearer test-management-token\r\n\r\n${head}Connection: close\r\n\r\n`,
  );
  expect(status).toBe(200);
  expect(text).toContain('HTTP/1.1 401');
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
