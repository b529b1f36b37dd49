import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sendBytes } from './raw-request.ts';
import { startTestService, type TestService, token } from './test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service[Symbol.asyncDispose]());

const json: [string, string] = ['Content-Type', 'application/json'];
const settings = { method: 'PATCH', path: '/api/settings' };
const mebibyte = 1024 ** 2;

function patch(body: string | Buffer, type = json) {
  return service.manage({ ...settings, headers: [type], body });
}

describe('a body', () => {
  test.each([
    'application/json',
    'APPLICATION/JSON',
    'application/json;charset=utf-8',
    'application/json; charset="UTF-8"',
  ])('of type %s is read', async (type) =>
    expect((await patch('{"pluginsPaused":false}', ['Content-Type', type])).status).toBe(200),
  );

  test.each([
    ['not JSON', '{broken'],
    ['a list', '[]'],
    ['a string', '"x"'],
    ['null', 'null'],
    ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['behind a byte order mark', '\uFEFF{}'],
    ['65 levels deep', `{"x":${'['.repeat(64)}${']'.repeat(64)}}`],
    ['100 000 levels deep', '['.repeat(100_000)],
    ['with __proto__', '{"__proto__":{"polluted":true}}'],
    ['with __proto__ inside', '{"upstreamBaseUrl":[{"__proto__":1}]}'],
    ['with an escaped __proto__', '{"\\u005f_proto__":{"polluted":true}}'],
    ['with constructor.prototype', '{"constructor":{"prototype":{"polluted":true}}}'],
    ['with an unknown key', '{"nope":1}'],
    ['with a number beyond all', '{"analyticsRetentionDays":1e999}'],
  ])('that is %s is 400', async (_name, body) => {
    const answer = await patch(body);
    expect([answer.status, answer.code]).toEqual([400, 'INVALID_REQUEST']);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  test('is guarded in tRPC, too', async () => {
    const deep = `{"body":${'['.repeat(65)}${']'.repeat(65)}}`;
    for (const body of [deep, '{"body":{"__proto__":1}}', '\uFEFF{}']) {
      const answer = await service.manage({
        method: 'POST',
        path: '/trpc/pipeline.request',
        headers: [json],
        body,
      });
      expect(answer.json()).toMatchObject({
        error: { data: { httpStatus: 400, app: { code: 'INVALID_REQUEST' } } },
      });
    }
  });

  test.each([
    ['a key twice', '{"pluginsPaused":true,"pluginsPaused":false}', 'a key twice'],
    ['a key twice by an escape', '{"pluginsPaused":true,"plugins\\u0050aused":false}', 'a key twice'],
    ['a key twice far inside', '{"config":{"a":[{"b":{"c":1,"d":2,"c":3}}]}}', 'a key twice'],
    ['an empty key twice', '{"":1,"":2}', 'a key twice'],
    ['half a surrogate pair', '{"upstreamApiKey":"\\ud800"}', 'surrogate'],
    ['the other half', '{"config":{"x":["ok","\\uDC00 x"]}}', 'surrogate'],
    ['two halves the wrong way round', '{"config":{"x":"\\udc00\\ud800"}}', 'surrogate'],
    ['half a surrogate pair as a key', '{"config":{"\\ud83d":1}}', 'surrogate'],
    ['a number beyond all', '{"config":{"x":1e999}}', 'number'],
    ['a negative one', '{"config":{"x":[-1e309]}}', 'number'],
    ['one of 400 digits', `{"config":{"x":${'9'.repeat(400)}}}`, 'number'],
    ['__proto__', '{"config":{"x":[{"__proto__":{"polluted":true}}]}}', '__proto__'],
    ['__proto__ twice', '{"__proto__":1,"__proto__":2}', '__proto__'],
    ['constructor.prototype', '{"config":{"constructor":{"prototype":{"polluted":1}}}}', '__proto__'],
    ['65 levels', `{"config":{"x":${'['.repeat(63)}${']'.repeat(63)}}}`, '64 levels'],
    ['brackets without end', '{"a":'.repeat(100_000), '64 levels'],
    ['two documents', '{}{}', 'valid JSON'],
    ['a comment', '{/**/}', 'valid JSON'],
    ['a comma at the end', '{"pluginsPaused":true,}', 'valid JSON'],
    ['NaN', '{"config":{"x":NaN}}', 'valid JSON'],
    ['a control character', '{"config":{"x":"a\u0001b"}}', 'valid JSON'],
    ['a NUL behind it', '{}\0', 'valid JSON'],
    ['an escape that is none', '{"config":{"x":"\\x41"}}', 'valid JSON'],
  ])('F16: that holds %s is 400 and says so, in REST and tRPC', async (_name, body, message) => {
    const call = { method: 'POST', path: '/trpc/pipeline.request', headers: [json], body };
    const batch = { ...call, path: '/trpc/plugins.scan?batch=1', body: `{"0":${body}}` };
    const query = { path: `/trpc/plugins.get?input=${encodeURIComponent(body)}` };
    const requests = [{ ...settings, headers: [json], body }, call, batch];
    for (const request of body.length < 5_000 ? [...requests, query] : requests) {
      const answer = await service.manage(request);
      expect([request.path, answer.status]).toEqual([request.path, 400]);
      expect(answer.text).toContain('INVALID_REQUEST');
      expect(answer.text).toContain(message);
    }
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    expect(service.calls).not.toContain('scan');
  });

  test.each([
    ['not UTF-8', Buffer.from('{"a":"\xff"}', 'latin1')],
    ['cut inside a character', Buffer.from('{"a":"\xe2\x82"}', 'latin1')],
    ['an overlong form', Buffer.from('{"a":"\xc0\xaf"}', 'latin1')],
    ['a surrogate in UTF-8', Buffer.from('{"a":"\xed\xa0\x80"}', 'latin1')],
    ['UTF-16', Buffer.from('\uFEFF{}', 'utf16le')],
    ['UTF-8 behind a byte order mark', Buffer.from('\uFEFF{}')],
  ])('F16: that is %s is 400, in REST and tRPC', async (_name, body) => {
    for (const [method, path] of [
      ['PATCH', '/api/settings'],
      ['POST', '/trpc/settings.update'],
      ['POST', '/api/auth/login'],
    ] as const) {
      const answer = await service.manage({ method, path, headers: [json], body });
      expect([path, answer.status]).toEqual([path, 400]);
      expect(answer.text).toMatch(/UTF-8|byte order mark/);
    }
  });

  test.each([
    ['a pair of surrogates', '{"body":{"x":"\\ud83d\\ude00"}}'],
    ['the same key in two objects', '{"body":[{"a":1},{"a":2}]}'],
    ['keys that strings spell', '{"body":{"a":"\\"a\\":1,\\"a\\":2","b":"::"}}'],
    ['64 levels', `{"body":${'['.repeat(63)}${']'.repeat(63)}}`],
    ['toString and hasOwnProperty', '{"body":{"toString":1,"hasOwnProperty":2}}'],
    ['the largest number', '{"body":1.7976931348623157e308}'],
  ])('that holds %s is read', async (_name, body) => {
    const answer = await service.manage({
      method: 'POST',
      path: '/trpc/pipeline.request',
      headers: [json],
      body,
    });
    expect(answer.status).toBe(200);
  });

  test.each(['gzip', 'deflate', 'br', 'zstd', 'identity', 'gzip, gzip', ''])(
    'F15: with a Content-Encoding of "%s" is 415 and not read',
    async (encoding) => {
      const encoded: [string, string] = ['Content-Encoding', encoding];
      for (const path of [
        '/api/plugins',
        '/trpc/plugins.install',
        '/trpc/pipeline.request',
        '/api/auth/login',
      ]) {
        const answer = await service.manage({ method: 'POST', path, headers: [json, encoded], body: '{}' });
        expect([path, answer.status]).toEqual([path, 415]);
      }
    },
  );

  test('may name a constructor', async () => {
    const body = '{"body":[{"constructor":"x"},{"\\u0063onstructor":{"a":1}}]}';
    const answer = await service.manage({
      method: 'POST',
      path: '/trpc/pipeline.request',
      headers: [json],
      body,
    });
    expect(answer.status).toBe(200);
  });

  test('above 1 MiB is 413, with a length and without', async () => {
    const text = JSON.stringify({ registryPublicKey: 'x'.repeat(mebibyte) });
    expect((await patch(text)).code).toBe('BODY_TOO_LARGE');
    const chunks = `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
    const answer = await service.manage({
      ...settings,
      headers: [json, ['Transfer-Encoding', 'chunked']],
      body: chunks,
    });
    expect([answer.status, answer.code]).toEqual([413, 'BODY_TOO_LARGE']);
    const mutation = await service.manage({
      method: 'POST',
      path: '/trpc/settings.update',
      headers: [json],
      body: text,
    });
    expect(mutation.json()).toMatchObject({ error: { data: { httpStatus: 413 } } });
  });

  test('of the pipeline may have 32 MiB', async () => {
    const send = async (bytes: number) => {
      const answer = await request(`http://localhost:${service.port}/trpc/pipeline.request`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ body: 'x'.repeat(bytes) }),
      });
      await answer.body.dump();
      return answer.statusCode;
    };
    expect(await send(3 * mebibyte)).toBe(200);
    expect(await send(32 * mebibyte)).toBe(413);
  });
});

describe('no body', () => {
  test.each<[string, [string, string][]]>([
    ['and no type', []],
    ['a JSON type', [json]],
    ['a type of another kind', [['Content-Type', 'text/plain']]],
  ])('and %s will do where none is needed', async (_name, headers) => {
    for (const path of ['/api/plugins/demo/activate', '/trpc/plugins.scan']) {
      expect([path, (await service.manage({ method: 'POST', path, headers })).status]).toEqual([path, 200]);
      expect([path, (await service.manage({ method: 'POST', path, headers, body: '' })).status]).toEqual([
        path,
        200,
      ]);
    }
  });
});

test('F14: a body is asked for only after the guard', async () => {
  const expectContinue = (authorization: string) =>
    sendBytes(
      service.port,
      [
        'PATCH /api/settings HTTP/1.1',
        `Host: localhost:${service.port}`,
        ...(authorization === '' ? [] : [`Authorization: ${authorization}`]),
        'Content-Type: application/json',
        'Content-Length: 23',
        'Expect: 100-continue',
        'Connection: close',
        '',
        // Sent at once, as a client may: what counts is whether the server asked for it.
        '{"pluginsPaused":false}',
      ].join('\r\n'),
    );
  expect((await expectContinue('')).status).toBe(401);
  expect((await expectContinue(`Bearer ${token}`)).status).toBe(100);
});
