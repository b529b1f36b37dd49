import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openSocket } from './open-socket.ts';
import { sendBytes } from './raw-request.ts';
import { startTestService, type TestService, token } from './test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
beforeEach(() => void service.calls.splice(0));
afterAll(() => service[Symbol.asyncDispose]());

const stream = `/trpc/events.stream?input=${encodeURIComponent('{"topics":["plugins"]}')}`;
const bearer = `Authorization: Bearer ${token}`;
const webSocket = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

/** The server has to close the connection for an answer to be had. */
function upgrade(path: string, headers: readonly string[], host = `localhost:${service.port}`) {
  return sendBytes(service.port, [`GET ${path} HTTP/1.1`, `Host: ${host}`, ...headers, '', ''].join('\r\n'));
}

describe('there is no WebSocket', () => {
  test.each([
    ['W1: a foreign Origin', ['Origin: https://evil.example', bearer], 403],
    [
      'W1: a foreign Origin with the cookie',
      ['Origin: https://evil.example', `Cookie: auth_token=${token}`],
      403,
    ],
    ['W1: Origin null', ['Origin: null', bearer], 403],
    ['W1: another local port', ['Origin: http://localhost:3000', bearer], 403],
    ['W1: a page of the same site', ['Sec-Fetch-Site: same-site', 'Sec-Fetch-Mode: no-cors', bearer], 403],
    ['W2: a tunnel', ['X-Forwarded-For: 127.0.0.1', bearer], 403],
    ['W3: no credentials', [], 401],
    ['W3: a wrong token', ['Authorization: Bearer wrong'], 401],
    ['W3: the token as a subprotocol', [`Sec-WebSocket-Protocol: ${token}`], 401],
    ['no Origin and the cookie', [`Cookie: auth_token=${token}`], 400],
    ['the token', [bearer], 400],
  ])('for %s: the guard answers first', async (_name, headers, status) => {
    for (const path of [stream, '/trpc/plugins.list', '/api/plugins']) {
      const answer = await upgrade(path, [...webSocket, ...headers]);
      expect([path, answer.status]).toEqual([path, status]);
      expect(answer.headers.get('connection')).toBe('close');
      expect(answer.text).not.toContain('event: connected');
    }
    expect(service.calls).toEqual([]);
  });

  test.each([`${stream}&token=${token}`, `/trpc/plugins.list?connectionParams=1&token=${token}`])(
    'W3: a token in the URL is none: %.40s',
    async (path) => expect((await upgrade(path, webSocket)).status).toBe(401),
  );

  test('W2: on a foreign Host', async () => {
    for (const path of [stream, '/api/health', '/', '/v1/realtime']) {
      expect((await upgrade(path, [...webSocket, bearer], 'evil.example')).status).toBe(403);
    }
  });

  test.each(['/', '/api/health', '/plugin.schema.json', '/assets/app.js', '/login'])(
    'at %s, which needs no credentials',
    async (path) => expect((await upgrade(path, webSocket)).status).toBe(400),
  );

  test.each<[string, string[], number]>([
    ['from this machine', [], 400],
    ['from another site', ['Origin: https://evil.example'], 403],
    ['from a page', ['Sec-Fetch-Site: cross-site'], 403],
  ])('at the gateway, %s', async (_name, headers, status) => {
    const answer = await upgrade('/v1/realtime?model=x', [...webSocket, ...headers]);
    expect([answer.status, answer.headers.get('connection')]).toEqual([status, 'close']);
    expect(service.calls).toEqual([]);
  });

  test.each([
    ['in capitals', ['Connection: upgrade', 'Upgrade: WebSocket']],
    ['among others', ['Connection: keep-alive, Upgrade', 'Upgrade: h2c, websocket']],
    ['in a second header', ['Connection: Upgrade', 'Upgrade: h2c', 'Upgrade: websocket']],
    ['without Connection', ['Upgrade: websocket']],
    ['of an unknown kind', ['Connection: Upgrade', 'Upgrade: something/1']],
  ])('%s', async (_name, headers) => {
    expect((await upgrade('/api/plugins', [...headers, bearer])).status).toBe(400);
  });

  test('with POST neither, and nothing runs', async () => {
    const lines = [
      'POST /api/plugins/scan HTTP/1.1',
      `Host: localhost:${service.port}`,
      bearer,
      ...webSocket,
    ];
    expect((await sendBytes(service.port, `${[...lines, '', ''].join('\r\n')}`)).status).toBe(400);
    expect(service.calls).toEqual([]);
  });

  test.each([
    ['W4: a frame of 1 MiB', '\x82\xff\x00\x00\x00\x00\x00\x10\x00\x00aaaa'.padEnd(1_024 ** 2, 'x')],
    ['W4: an unmasked frame', '\x81\x05hello'],
    ['W4: many pings', '\x89\x80aaaa'.repeat(10_000)],
  ])('%s behind it reaches nobody', async (_name, frames) => {
    const lines = [`GET ${stream} HTTP/1.1`, `Host: localhost:${service.port}`, bearer, ...webSocket, '', ''];
    using open = await openSocket(service.port, lines.join('\r\n') + frames);
    const text = await open.closed;
    expect(text).not.toContain('HTTP/1.1 101');
    expect(text).toMatch(/^(HTTP\/1\.1 400 |$)/);
    expect((await service.send({ path: '/api/health' })).status).toBe(200);
  });
});

describe('F21: what HTTP clients offer to every server is passed over', () => {
  test.each([
    [
      'h2c',
      ['Connection: Upgrade, HTTP2-Settings, close', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'],
    ],
    ['TLS', ['Connection: Upgrade, close', 'Upgrade: TLS/1.2, TLS/1.3']],
  ])('%s', async (_name, headers) => {
    const answer = await upgrade('/api/plugins', [...headers, bearer]);
    expect([answer.status, answer.headers.get('upgrade')]).toEqual([200, null]);
    expect((await upgrade('/api/plugins', headers)).status).toBe(401);
  });
});
