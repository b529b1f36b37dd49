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
