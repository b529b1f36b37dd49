import { networkInterfaces } from 'node:os';
import { describe, expect, test, type TestContext } from 'vitest';
import { recordedCalls } from '../../helpers/recorded-calls.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { startUpstream } from '../../helpers/upstream.ts';
import { type RawRequest, sendRaw } from '../http/raw-request.ts';

const key = 'key-of-the-gateway';
const bearer: [string, string] = ['Authorization', `Bearer ${key}`];
const json: [string, string] = ['Content-Type', 'application/json'];
const chat = {
  method: 'POST',
  path: '/v1/chat/completions',
  host: 'gateway.lan',
  body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'over the network' }] }),
};

/** The addresses at which this machine is another one's neighbour: from there it is a peer of the network to itself. */
function networkAddresses(family: 'IPv4' | 'IPv6'): string[] {
  return Object.entries(networkInterfaces()).flatMap(([name, infos = []]) =>
    infos
      .filter((info) => info.family === family && !info.internal)
      .map(({ address }) => (address.startsWith('fe80:') ? `${address}%${name}` : address)),
  );
}

function exposedService(env: Record<string, string> = {}): Promise<Service> {
  return startService({ env: { OMNIROUTE_HOST: '0.0.0.0', OMNIROUTE_GATEWAY_KEY: key, ...env } });
}

/** As a peer of the network sends it. A machine that has no address there cannot tell: the rules themselves are tested in access.test.ts. */
function fromNetwork(
  service: Service,
  context: TestContext,
): (request: RawRequest) => ReturnType<typeof sendRaw> {
  const [address] = networkAddresses('IPv4');
  if (address === undefined) return context.skip('this machine has no address on a network');
  return (request) => sendRaw(service.app.port, { address, host: 'gateway.lan', ...request });
}

describe('a peer of the network', () => {
  test('gets an answer of the gateway with the key, by whatever Host', async (context) => {
    await using service = await exposedService();
    const send = fromNetwork(service, context);
    for (const host of ['gateway.lan', 'gateway.lan:1', '192.0.2.7', 'localhost', 'evil.example', '']) {
      const answer = await send({ ...chat, host, headers: [bearer, json] });
      expect([host, answer.status]).toEqual([host, 200]);
      expect(answer.text).toContain('over the network');
    }
  });

  test.each<[string, [string, string][]]>([
    ['none', []],
    ['a wrong one', [['Authorization', 'Bearer wrong']]],
    ['its beginning', [['Authorization', `Bearer ${key.slice(0, -1)}`]]],
    ['more than it', [['Authorization', `Bearer ${key}x`]]],
    ['it in capitals', [['Authorization', `Bearer ${key.toUpperCase()}`]]],
    ['an empty one', [['Authorization', 'Bearer ']]],
    ['it without a scheme', [['Authorization', key]]],
    ['it as Basic', [['Authorization', `Basic ${Buffer.from(`:${key}`).toString('base64')}`]]],
    ['it twice', [bearer, bearer]],
    ['it in another header', [['X-Api-Key', key]]],
    ['it in a cookie', [['Cookie', `auth_token=${key}`]]],
    ['a header that says loopback', [['X-Forwarded-For', '127.0.0.1']]],
    ['one of 10 KB', [['Authorization', `Bearer ${'x'.repeat(10_240)}`]]],
  ])('is 401 with a key that is %s, all alike', async (_name, headers) => {
    await using service = await exposedService();
    // Loopback has to show the key, too.
    const answers = await Promise.all(
      [...networkAddresses('IPv4').slice(0, 1), '127.0.0.1'].map((address) =>
        sendRaw(service.app.port, { ...chat, address, headers: [json, ...headers] }),
      ),
    );
    const [plain] = [await sendRaw(service.app.port, { ...chat, headers: [json] })];
    for (const answer of answers) {
      expect([answer.status, answer.code]).toEqual([401, 'AUTH_REQUIRED']);
      expect(answer.text).toBe(plain?.text);
      expect(answer.text).not.toContain(key);
    }
  });

  test('gets nothing else, whatever it sends', async (context) => {
    await using service = await exposedService();
    const send = fromNetwork(service, context);
    const paths = [
      '/',
      '/login',
      '/assets/app.js',
      '/plugin.schema.json',
      '/metrics',
      '/api/health',
      '/api/openapi.json',
      '/api/plugins',
      '/api/auth/session',
      '/api/nothing',
      '/trpc/plugins.list',
      '/trpc/health',
      `/trpc/events.stream?input=${encodeURIComponent('{"topics":["logs"]}')}`,
      '/v2/models',
      '/v1x',
      '/V1/models',
    ];
    const disguises: [string, string][][] = [
      [],
      [['Authorization', `Bearer ${service.token}`]],
      [['Cookie', `auth_token=${service.token}`]],
      [bearer],
      [
        ['X-Forwarded-For', '127.0.0.1'],
        ['Authorization', `Bearer ${service.token}`],
      ],
    ];
    for (const path of paths) {
      for (const headers of disguises) {
        for (const host of ['gateway.lan', `localhost:${service.app.port}`]) {
          const answer = await send({ path, host, headers });
          expect([path, answer.status]).toEqual([path, 403]);
          expect(answer.text).toContain('"code":"LOCAL_ONLY"');
        }
      }
    }
    for (const [method, path] of [
      ['POST', '/api/plugins/scan'],
      ['POST', '/api/auth/login'],
      ['POST', '/trpc/auth.login'],
      ['DELETE', '/api/plugins/x'],
      ['OPTIONS', '/api/plugins'],
      ['PUT', '/'],
    ] as const) {
      const headers: [string, string][] = [json, ['Authorization', `Bearer ${service.token}`]];
      const answer = await send({ method, path, headers, body: JSON.stringify({ token: service.token }) });
      expect([path, answer.status]).toEqual([path, 403]);
    }
  });

  test.each<[string, [string, string][], number]>([
    ['a foreign Origin', [['Origin', 'https://evil.example']], 403],
    ['Origin null', [['Origin', 'null']], 403],
    ['a page of another site', [['Sec-Fetch-Site', 'cross-site']], 403],
    ['a page of the same site', [['Sec-Fetch-Site', 'same-site']], 403],
    ['a WebSocket', [['Upgrade', 'websocket']], 400],
  ])('is refused for %s, with the key', async (_name, headers, status) => {
    await using service = await exposedService();
    for (const address of [...networkAddresses('IPv4').slice(0, 1), '127.0.0.1']) {
      const answer = await sendRaw(service.app.port, {
        ...chat,
        address,
        headers: [bearer, json, ...headers],
      });
      expect([address, answer.status]).toEqual([address, status]);
      expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'text/plain;application/json', ''])(
    'is 415 for a POST of type "%s", with the key',
    async (type) => {
      await using service = await exposedService();
      for (const address of [...networkAddresses('IPv4').slice(0, 1), '127.0.0.1']) {
        const headers: [string, string][] = [
          bearer,
          ...(type === '' ? [] : [['Content-Type', type] as [string, string]]),
        ];
        expect((await sendRaw(service.app.port, { ...chat, address, headers })).status).toBe(415);
      }
    },
  );

  test('may come through a proxy', async (context) => {
    await using service = await exposedService();
    const send = fromNetwork(service, context);
    const headers: [string, string][] = [
      bearer,
      json,
      ['X-Forwarded-For', '203.0.113.9'],
      ['X-Forwarded-Proto', 'https'],
      ['Forwarded', 'for=203.0.113.9'],
      ['Via', '1.1 proxy'],
      ['CF-Ray', 'x'],
    ];
    expect((await send({ ...chat, headers })).status).toBe(200);
  });
});

describe('the key', () => {
  test('reaches neither the upstream nor a plugin, wherever it was put', async () => {
    await using upstream = await startUpstream();
    await using service = await exposedService({ OMNIROUTE_UPSTREAM_URL: upstream.url });
    await service.add('records-calls');
    const address = networkAddresses('IPv4')[0] ?? '127.0.0.1';
    const headers: [string, string][] = [
      ['AUTHORIZATION', `Bearer ${key}`],
      ['X-Api-Key', key],
      ['api-key', key],
      ['X-Goog-Api-Key', key],
      ['Proxy-Authorization', `Bearer ${key}`],
      ['X-Custom', `Bearer ${key}`],
      ['X-Kept', 'yes'],
      json,
    ];
    for (const stream of [false, true]) {
      const body = JSON.stringify({ model: 'm', stream, messages: [] });
      expect((await sendRaw(service.app.port, { ...chat, address, headers, body })).status).toBe(200);
    }
    expect(upstream.requests).toHaveLength(2);
    expect(upstream.requests[0]?.headers).toMatchObject({ 'x-kept': 'yes' });
    expect(JSON.stringify(upstream.requests.map((request) => request.headers))).not.toContain(key);
    const calls = await recordedCalls(service);
    expect(calls.length).toBeGreaterThan(2);
    expect(JSON.stringify(calls)).not.toContain(key);
    expect(service.log.join('')).not.toContain(key);
  });

  test('gives way to the key that is set for the upstream', async () => {
    await using upstream = await startUpstream();
    await using service = await exposedService({
      OMNIROUTE_UPSTREAM_URL: upstream.url,
      OMNIROUTE_UPSTREAM_API_KEY: 'sk-upstream',
    });
    await sendRaw(service.app.port, { ...chat, headers: [bearer, json] });
    expect(upstream.requests[0]?.headers.authorization).toBe('Bearer sk-upstream');
  });

  test('makes one caller of all, whatever other keys they send', async () => {
    await using service = await exposedService();
    await service.add('records-calls');
    for (const other of ['one', 'two']) {
      await sendRaw(service.app.port, { ...chat, headers: [bearer, json, ['X-Api-Key', other]] });
    }
    const ids = (await recordedCalls(service)).map(({ ctx }) => ctx.apiKeyInfo?.id);
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe('the addresses', () => {
  test.each(['0.0.0.0', '::', 'one of its own'])('%s is in addition to loopback', async (host) => {
    const own = networkAddresses('IPv4')[0];
    await using service = await exposedService({
      OMNIROUTE_HOST: host.startsWith('one') ? (own ?? '0.0.0.0') : host,
    });
    const request = { ...chat, headers: [bearer, json] };
    for (const address of ['127.0.0.1', ...(own === undefined ? [] : [own])]) {
      expect((await sendRaw(service.app.port, { ...request, address })).status).toBe(200);
    }
    expect((await service.call('GET', '/api/plugins')).status).toBe(200);
  });

  test('of IPv6 are the network, too', async (context) => {
    const addresses = networkAddresses('IPv6');
    if (addresses.length === 0) context.skip('this machine has no IPv6 address on a network');
    await using service = await exposedService({ OMNIROUTE_HOST: '::' });
    for (const address of addresses) {
      const { port } = service.app;
      const manage: RawRequest = {
        path: '/api/plugins',
        address,
        headers: [['Authorization', `Bearer ${service.token}`]],
      };
      expect([address, (await sendRaw(port, manage)).status]).toEqual([address, 403]);
      expect([address, (await sendRaw(port, { ...chat, address, headers: [json] })).status]).toEqual([
        address,
        401,
      ]);
      const withKey = await sendRaw(port, { ...chat, address, headers: [bearer, json] });
      expect([address, withKey.status]).toEqual([address, 200]);
    }
    const own: RawRequest = {
      path: '/api/plugins',
      address: '::1',
      headers: [['Authorization', `Bearer ${service.token}`]],
    };
    expect((await sendRaw(service.app.port, own)).status).toBe(200);
  });

  test('without OMNIROUTE_HOST are loopback only, and a key is demanded all the same', async () => {
    await using service = await startService({ env: { OMNIROUTE_GATEWAY_KEY: key } });
    for (const address of networkAddresses('IPv4')) {
      expect((await sendRaw(service.app.port, { ...chat, address, headers: [bearer, json] })).status).toBe(0);
    }
    const local = { ...chat, host: `localhost:${service.app.port}` };
    expect((await sendRaw(service.app.port, { ...local, headers: [json] })).status).toBe(401);
    expect((await sendRaw(service.app.port, { ...local, headers: [bearer, json] })).status).toBe(200);
    expect((await sendRaw(service.app.port, { ...chat, headers: [bearer, json] })).status).toBe(403);
  });
});
