import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RawRequest } from './raw-request.ts';
import { startTestService, type TestService } from './test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service[Symbol.asyncDispose]());

type Header = readonly [string, string];
/** One request of every kind that the guard stands before; the valid token must not help. */
const surfaces: RawRequest[] = [
  { path: '/api/plugins' },
  { path: '/api/health' },
  { path: '/trpc/plugins.list' },
  { path: '/trpc/events.stream?input=%7B%22topics%22:%5B%22plugins%22%5D%7D' },
  { path: '/' },
  { path: '/assets/app.js' },
  { path: '/plugin.schema.json' },
  { path: '/api/nothing-here' },
];
const activate = { method: 'POST', path: '/api/plugins/demo/activate' };

function withPort(text: string): string {
  return text.replaceAll('PORT', String(service.port));
}

describe('A: locality', () => {
  test.each(['127.0.0.1', '::1'])('A1, A2: answers at %s', async (address) => {
    expect((await service.manage({ path: '/api/plugins', address })).status).toBe(200);
  });

  test.each([
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'x-forwarded-proto',
    'X-FORWARDED-ANYTHING',
    'Forwarded',
    'Via',
    'X-Real-IP',
    'X-Client-IP',
    'X-Cluster-Client-IP',
    'X-Originating-IP',
    'Fastly-Client-IP',
    'True-Client-IP',
    'CF-Connecting-IP',
    'CF-Ray',
    'CDN-Loop',
    'Fly-Client-IP',
  ])('A9, A12: refuses whatever came with %s', async (name) => {
    for (const surface of surfaces) {
      const answer = await service.manage({ ...surface, headers: [[name, '127.0.0.1']] });
      expect([surface.path, answer.status]).toEqual([surface.path, 403]);
    }
  });

  test.each<Header>([
    ['X-OmniRoute-Peer-IP', '127.0.0.1'],
    ['X-Original-URL', '/api/settings'],
    ['X-Rewrite-URL', '/api/settings'],
    ['X-HTTP-Method-Override', 'DELETE'],
  ])('A10, A12: %s has no effect', async (name, value) => {
    const answer = await service.manage({ path: '/api/plugins', headers: [[name, value]] });
    expect(answer.json()).toEqual({ plugins: [] });
    expect((await service.send({ path: '/api/plugins', headers: [[name, value]] })).status).toBe(401);
  });
});

describe('B: Host', () => {
  test.each([
    ['B1', 'evil.example'],
    ['B1', 'evil.example:PORT'],
    ['B2', '127.0.0.1.evil.example'],
    ['B2', 'localhost.evil.example:PORT'],
    ['B2', 'evil-localhost:PORT'],
    ['B2', 'xlocalhost:PORT'],
    ['B4', 'localhost:1'],
    ['B8', ''],
    ['B11', 'localhost:PORT@evil.example'],
    ['B11', 'localhost:PORT#'],
    ['B11', 'localhost/x'],
    ['B11', 'localhost:٢٠١٢٨'],
    ['B11', 'localhost:0PORT'],
    ['B11', '127.1:PORT'],
    ['B11', '2130706433:PORT'],
    ['B11', '0x7f.1:PORT'],
    ['B11', '[::ffff:127.0.0.1]:PORT'],
    ['B11', '127.0.0.2:PORT'],
    ['B3', 'localhost..:PORT'],
    ['A14', '0.0.0.0:PORT'],
  ])('%s: refuses "%s" everywhere', async (_id, host) => {
    for (const surface of [...surfaces, activate, { path: '/v1/models' }]) {
      const answer = await service.manage({ ...surface, host: withPort(host) });
      expect([surface.path, answer.status]).toEqual([surface.path, 403]);
      expect(answer.text).toContain('LOCAL_ONLY');
      expect(answer.headers.get('cache-control')).toMatch(/no-store/);
    }
    expect(service.calls).not.toContain('activate');
  });

  test.each([
    'localhost',
    'LOCALHOST:PORT',
    'localhost.',
    'localhost.:PORT',
    '[::1]:PORT',
    '[::1]',
    '127.0.0.1:PORT',
    '127.0.0.1',
  ])('B3: takes "%s"', async (host) => {
    expect((await service.manage({ path: '/api/plugins', host: withPort(host) })).status).toBe(200);
  });

  test('B5: HTTP/1.1 without one is no request', async () => {
    expect((await service.manage({ path: '/api/plugins', host: null })).status).toBe(400);
  });

  test('B6: HTTP/1.0 without one', async () => {
    expect((await service.manage({ path: '/api/plugins', host: null, version: '1.0' })).status).toBe(403);
  });

  test('B7: two', async () => {
    const answer = await service.manage({ path: '/api/plugins', headers: [['Host', 'evil.example']] });
    expect(answer.status).toBe(403);
  });

  test.each([
    ['B9', 'GET', 'http://evil.example/api/plugins'],
    ['B9', 'GET', 'http://localhost/api/plugins'],
    ['B10', 'GET', 'http://u:p@127.0.0.1/api'],
    ['B12', 'OPTIONS', '*'],
  ])('%s: %s %s is 400', async (_id, method, path) => {
    expect((await service.manage({ method, path })).status).toBe(400);
  });

  test('B13: CONNECT gets no tunnel', async () => {
    expect([0, 405]).toContain((await service.manage({ method: 'CONNECT', path: '10.0.0.1:80' })).status);
  });
});

describe('C: other sites', () => {
  test.each<[string, Header[]]>([
    ['C1', [['Origin', 'https://evil.example']]],
    ['C2', [['Origin', 'null']]],
    ['C3', [['Origin', 'http://localhost:3000']]],
    ['C3', [['Origin', 'http://127.0.0.1:PORT']]],
    ['C4', [['Origin', 'http://localhost:PORT.evil.example']]],
    ['C4', [['Origin', 'http://evil-localhost:PORT']]],
    ['C4', [['Origin', 'http://localhost:PORT9']]],
    ['C4', [['Origin', 'https://localhost:PORT']]],
    [
      'C1 twice',
      [
        ['Origin', 'http://localhost:PORT'],
        ['Origin', 'https://evil.example'],
      ],
    ],
    ['C5', [['Sec-Fetch-Site', 'cross-site']]],
    ['C5', [['Sec-Fetch-Site', 'same-site']]],
    [
      'C5 twice',
      [
        ['Sec-Fetch-Site', 'same-origin'],
        ['Sec-Fetch-Site', 'cross-site'],
      ],
    ],
    ['C17', [['Referer', 'https://evil.example/page']]],
    ['C17', [['Referer', 'http://localhost:3000/']]],
  ])('%s: %j may not write, even with the token', async (_id, headers) => {
    const own = headers.map(([name, value]): Header => [name, withPort(value)]);
    for (const path of ['/api/plugins/demo/activate', '/api/auth/login', '/trpc/plugins.scan']) {
      const answer = await service.manage({ method: 'POST', path, headers: own });
      expect([path, answer.status]).toEqual([path, 403]);
      expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
    expect(service.calls).not.toContain('activate');
    expect(service.calls).not.toContain('scan');
  });

  test.each(surfaces)('C14, S1: a foreign origin may not read $path', async (surface) => {
    const answer = await service.manage({ ...surface, headers: [['Origin', 'https://evil.example']] });
    expect(answer.status).toBe(403);
  });

  test('its own pages may write', async () => {
    const headers: Header[] = [
      ['Origin', `http://localhost:${service.port}`],
      ['Sec-Fetch-Site', 'same-origin'],
      ['Sec-Fetch-Mode', 'cors'],
      ['Referer', `http://localhost:${service.port}/plugins`],
    ];
    expect((await service.manage({ method: 'POST', path: '/api/plugins/scan', headers })).status).toBe(200);
  });

  test.each<[string, Header]>([
    ['C6', ['Authorization', 'Bearer test-management-token']],
    ['C7', ['Cookie', 'auth_token=test-management-token']],
  ])('%s: curl may write', async (_id, header) => {
    const body = '{"pluginsPaused":false}';
    const headers: Header[] = [header, ['Content-Type', 'application/json']];
    expect((await service.send({ method: 'PATCH', path: '/api/settings', headers, body })).status).toBe(200);
  });

  test.each<[string, Header[]]>([
    ['text/plain', [['Content-Type', 'text/plain']]],
    ['a form', [['Content-Type', 'application/x-www-form-urlencoded']]],
    ['multipart', [['Content-Type', 'multipart/form-data; boundary=x']]],
    ['none', []],
    ['utf-7', [['Content-Type', 'application/json; charset=utf-7']]],
    ['two in one', [['Content-Type', 'text/plain;application/json']]],
    ['jsonp', [['Content-Type', 'application/jsonp']]],
    [
      'two',
      [
        ['Content-Type', 'application/json'],
        ['Content-Type', 'text/plain'],
      ],
    ],
    [
      'the same twice',
      [
        ['Content-Type', 'application/json'],
        ['Content-Type', 'application/json'],
      ],
    ],
    [
      'compressed',
      [
        ['Content-Type', 'application/json'],
        ['Content-Encoding', 'gzip'],
      ],
    ],
  ])('C8: a body of type %s is 415', async (_name, headers) => {
    for (const path of ['/api/plugins', '/trpc/plugins.install']) {
      const answer = await service.manage({ method: 'POST', path, headers, body: '{"path":"/tmp/x"}' });
      expect([path, answer.status]).toEqual([path, 415]);
      expect(answer.text).toContain('UNSUPPORTED_MEDIA_TYPE');
    }
    expect(service.calls).not.toContain('install');
  });

  test('C10: a script tag may not read the API, and nothing may be sniffed', async () => {
    const headers: Header[] = [
      ['Sec-Fetch-Mode', 'no-cors'],
      ['Sec-Fetch-Dest', 'script'],
    ];
    for (const path of ['/api/plugins', '/trpc/plugins.list']) {
      const answer = await service.manage({ path, headers });
      expect(answer.status).toBe(403);
      expect(answer.headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    }
    expect((await service.send({ path: '/assets/app.js', headers })).status).toBe(200);
  });

  test('C11: pages may not be framed', async () => {
    const { headers } = await service.send({ path: '/' });
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('x-frame-options')).toBe('DENY');
  });

  test.each<[string, Header[]]>([
    [
      'C12',
      [
        ['Origin', 'https://evil.example'],
        ['Access-Control-Request-Method', 'POST'],
      ],
    ],
    [
      'C13',
      [
        ['Origin', 'https://evil.example'],
        ['Access-Control-Request-Private-Network', 'true'],
      ],
    ],
  ])('%s: a preflight from elsewhere is refused without a word of CORS', async (_id, headers) => {
    for (const path of ['/api/plugins', '/trpc/plugins.list', '/v1/chat/completions']) {
      const answer = await service.send({ method: 'OPTIONS', path, headers });
      expect([path, answer.status]).toEqual([path, 403]);
      expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });

  test.each(['GET', 'HEAD'])('C16: %s has no effects', async (method) => {
    const answer = await service.manage({ method, path: '/api/plugins/demo/activate' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
    expect(service.calls).not.toContain('activate');
  });

  test('C18: navigating to the API shows JSON, not a page', async () => {
    const answer = await service.manage({
      path: '/api/plugins/nope',
      headers: [['Sec-Fetch-Mode', 'navigate']],
    });
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('W1: an upgrade from elsewhere is refused before it happens', async () => {
    const upgrade: Header[] = [
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Key', 'eA=='],
    ];
    const answer = await service.manage({
      path: '/trpc/events.stream',
      headers: [...upgrade, ['Origin', 'null']],
    });
    expect(answer.status).toBe(403);
  });
});
