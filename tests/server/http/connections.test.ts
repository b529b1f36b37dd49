import { readFile } from 'node:fs/promises';
import { type ConnectionLimits, connectionLimits } from '@omniroute/server/http/limits';
import { describe, expect, test } from 'vitest';
import { drip, openSocket, type OpenSocket } from './open-socket.ts';
import { startTestService, type TestService, token } from './test-service.ts';

const quick = { headersTimeoutMs: 200, bodyTimeoutMs: 200, lingerMs: 200, checkIntervalMs: 20 };

function head(service: TestService, requestLine: string, ...headers: string[]): string {
  return [`${requestLine} HTTP/1.1`, `Host: localhost:${service.port}`, ...headers, '', ''].join('\r\n');
}

const bearer = `Authorization: Bearer ${token}`;
const json = 'Content-Type: application/json';

describe('F17: headers that take too long', () => {
  test.each([
    ['nothing at all', ''],
    ['half a request line', 'GET /api/he'],
    ['half of the headers', 'GET /api/health HTTP/1.1\r\nHost: localhost\r\nX-A'],
  ])('are 408 after %s', async (_name, bytes) => {
    await using service = await startTestService({ limits: quick });
    using open = await openSocket(service.port, bytes);
    expect(await open.closed).toMatch(/^HTTP\/1\.1 408 .*"code":"REQUEST_TIMEOUT"/s);
  });

  test('are 408 when they come byte by byte', async () => {
    await using service = await startTestService({ limits: quick });
    using open = await openSocket(service.port, 'GET /api/health HTTP/1.1\r\n');
    expect(await drip(open, 'X: y\r\n', 10)).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe('F18: a body that takes too long', () => {
  test.each([
    ['of REST', 'PATCH /api/settings', [bearer]],
    ['of a call', 'POST /trpc/settings.update', [bearer]],
    ['of a batch', 'POST /trpc/plugins.scan,plugins.scan?batch=1', [bearer]],
    ['of a login', 'POST /api/auth/login', []],
  ])('%s is 408, and the connection is closed', async (_name, requestLine, headers) => {
    await using service = await startTestService({ limits: quick });
    const length = 'Content-Length: 1000';
    using silent = await openSocket(service.port, head(service, requestLine, json, length, ...headers));
    using dripping = await openSocket(service.port, head(service, requestLine, json, length, ...headers));
    for (const text of await Promise.all([silent.closed, drip(dripping, ' ', 10)])) {
      expect(text).toMatch(/^HTTP\/1\.1 408 .*REQUEST_TIMEOUT/s);
      expect(text).toMatch(/\r\nconnection: close\r\n/i);
    }
    expect(service.calls).toEqual([]);
    expect(service.log.join('')).not.toContain('request.failed');
  });

  test('in chunks is 408', async () => {
    await using service = await startTestService({ limits: quick });
    const chunked = head(service, 'PATCH /api/settings', bearer, json, 'Transfer-Encoding: chunked');
    using open = await openSocket(service.port, chunked);
    expect(await drip(open, '1\r\n \r\n', 10)).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('to the gateway has a time of its own, and is 408', async () => {
    const limits = { ...quick, gatewayBodyTimeoutMs: 400 };
    const read = (request: { resume(): unknown }) => void request.resume();
    await using service = await startTestService({ limits, gateway: { handle: read } });
    const started = performance.now();
    using open = await openSocket(service.port, head(service, 'POST /v1/x', json, 'Content-Length: 1000'));
    expect(await drip(open, ' ', 10)).toMatch(/^HTTP\/1\.1 408 /);
    expect(performance.now() - started).toBeGreaterThan(400);
  });

  test.each([
    ['401', 'PATCH /api/settings', []],
    ['403', 'PATCH /api/settings', [bearer, 'Via: 1.1 proxy']],
    ['413', 'PATCH /api/settings', [bearer]],
    ['415', 'POST /v1/chat/completions', ['Content-Type: text/plain']],
  ])('of a request that was refused %s keeps no connection', async (status, requestLine, headers) => {
    await using service = await startTestService({ limits: quick });
    const length = 'Content-Length: 9999999';
    const types = headers.some((header) => header.startsWith('Content-Type')) ? [] : [json];
    using open = await openSocket(service.port, head(service, requestLine, ...types, length, ...headers));
    expect(await drip(open, ' ', 10)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });

  test('and breaks off is nothing that the service failed in', async () => {
    await using service = await startTestService();
    using open = await openSocket(
      service.port,
      head(service, 'PATCH /api/settings', bearer, json, 'Content-Length: 9', 'Expect: 100-continue'),
    );
    await open.reads(/100 Continue/);
    open.socket.destroy();
    const answer = await service.manage({ path: '/api/settings' });
    expect(answer.json()).toMatchObject({ pluginsPaused: false });
    expect(service.log.join('')).not.toContain('request.failed');
  });
});

describe('F19: connections', () => {
  test('that wait are closed from the oldest when there are too many; who has something to say is heard', async () => {
    const limits = { checkIntervalMs: 20, maxWaitingConnections: 10 };
    const streaming = Promise.withResolvers<void>();
    await using service = await startTestService({
      limits,
      gateway: {
        handle: (_request, response) => {
          response.write('begun');
          void streaming.promise.then(() => response.end('ended'));
        },
      },
    });
    using stream = await openSocket(service.port, head(service, 'GET /v1/models', 'Connection: close'));
    await stream.reads(/begun/);
    const idle: OpenSocket[] = [];
    for (let count = 0; count < 60; count += 1) idle.push(await openSocket(service.port));
    await Promise.all(idle.slice(0, 50).map(({ closed }) => closed));
    expect(idle.slice(-10).map((open) => open.isClosed())).toEqual(Array(10).fill(false));
    expect((await service.manage({ path: '/api/plugins' })).status).toBe(200);
    streaming.resolve();
    expect(await stream.closed).toContain('ended');
    for (const open of idle) open.socket.destroy();
    expect(service.log.some((line) => line.includes('http.too-many-connections'))).toBe(true);
  });

  test('are closed when no other request follows', async () => {
    await using service = await startTestService({ limits: { keepAliveTimeoutMs: 100 } });
    using open = await openSocket(service.port, head(service, 'GET /api/health'));
    expect(await open.closed).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('take so many requests, and not one more', async () => {
    await using service = await startTestService({
      limits: { maxRequestsPerConnection: 3, keepAliveTimeoutMs: 100 },
    });
    using open = await openSocket(service.port, head(service, 'GET /api/health').repeat(5));
    expect((await open.closed).match(/HTTP\/1\.1 200 /g)).toHaveLength(3);
  });

  test('say how long they wait', async () => {
    await using service = await startTestService();
    using open = await openSocket(service.port, head(service, 'GET /api/health'));
    await open.reads(/\r\n\r\n/);
    expect(open.text()).toMatch(/\r\nKeep-Alive: timeout=5, max=1000\r\n/);
  });

  test('with too many requests to management in flight keep nobody from the gateway and the health', async () => {
    const release = Promise.withResolvers<void>();
    const bothEntered = Promise.withResolvers<void>();
    let entered = 0;
    await using service = await startTestService({
      limits: { maxRequests: 2 },
      plugins: {
        scan: async () => {
          entered += 1;
          if (entered === 2) bothEntered.resolve();
          await release.promise;
          return { discovered: 0, errors: [] };
        },
      },
    });
    const scan = () => service.manage({ method: 'POST', path: '/api/plugins/scan' });
    const inFlight = [scan(), scan()];
    await bothEntered.promise;
    expect((await scan()).code).toBe('RATE_LIMITED');
    expect((await service.send({ path: '/api/health' })).status).toBe(200);
    expect((await service.send({ path: '/v1/models' })).status).toBe(200);
    release.resolve();
    expect((await Promise.all(inFlight)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await scan()).status).toBe(200);
  });
});

describe('G9: an answer that nobody reads', () => {
  const lines = Array(2_000).fill({
    time: '2026-01-01T00:00:00Z',
    stream: 'stdout',
    text: 'x'.repeat(10_000),
  });
  const whole = lines.length * 10_000;

  async function cutOff(service: TestService, requestLine: string): Promise<string> {
    const headers = [bearer, 'Connection: close', 'trpc-accept: application/jsonl'];
    using open = await openSocket(service.port, head(service, requestLine, ...headers));
    await open.reads(/HTTP/);
    open.socket.pause();
    await expect.poll(() => service.log.join(''), { timeout: 5_000 }).toContain('http.answer-unread');
    open.socket.resume();
    return await open.closed;
  }

  test.each([
    'GET /api/plugins/demo/logs',
    `GET /trpc/plugins.logs?input=${encodeURIComponent('{"name":"demo"}')}`,
    `GET /trpc/plugins.logs?batch=1&input=${encodeURIComponent('{"0":{"name":"demo"}}')}`,
  ])('to %s is cut off', async (requestLine) => {
    await using service = await startTestService({
      limits: { unreadTimeoutMs: 200 },
      plugins: { logs: async () => lines },
    });
    expect((await cutOff(service, requestLine)).length).toBeLessThan(whole);
  });

  test('of the gateway has a time of its own', async () => {
    await using service = await startTestService({
      limits: { unreadTimeoutMs: 100, gatewayUnreadTimeoutMs: 500 },
      gateway: { handle: (_request, response) => void response.end('x'.repeat(whole)) },
    });
    const started = performance.now();
    expect((await cutOff(service, 'GET /v1/models')).length).toBeLessThan(whole);
    expect(performance.now() - started).toBeGreaterThan(500);
  });

  test('is not one that takes its time', async () => {
    const entered = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    await using service = await startTestService({
      limits: { unreadTimeoutMs: 100 },
      plugins: {
        scan: async () => {
          entered.resolve();
          await release.promise;
          return { discovered: 3, errors: [] };
        },
      },
    });
    const slow = service.manage({ method: 'POST', path: '/api/plugins/scan' });
    await entered.promise;
    using idle = await openSocket(service.port);
    await idle.closed;
    release.resolve();
    expect((await slow).json()).toEqual({ discovered: 3, errors: [] });
  });
});

test.each<[row: string, keyof ConnectionLimits]>([
  ["a request's headers", 'headersTimeoutMs'],
  ['a body of management', 'bodyTimeoutMs'],
  ['a whole request to `/v1`', 'gatewayBodyTimeoutMs'],
  ['the rest of a body after the answer', 'lingerMs'],
  ['a client that does not read an answer of management', 'unreadTimeoutMs'],
  ['a client that does not read an answer of `/v1`', 'gatewayUnreadTimeoutMs'],
  ['the next request on a connection', 'keepAliveTimeoutMs'],
  ['connections that wait for a request', 'maxWaitingConnections'],
  ['requests on one connection', 'maxRequestsPerConnection'],
  ['requests to management in flight', 'maxRequests'],
])('the operations guide has the number of the service for %s', async (row, limit) => {
  const guide = await readFile(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
  const number = connectionLimits[limit] / (limit.endsWith('Ms') ? 1_000 : 1);
  const shown = new Intl.NumberFormat('en').format(number).replace(',', ' ');
  expect(guide).toContain(`| ${row} | ${shown}${limit.endsWith('Ms') ? ' s' : ''} |`);
});
