import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { addVariant } from '../../helpers/plugin-variant.ts';
import { recordedCalls } from '../../helpers/recorded-calls.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { startUpstream, type TestUpstream } from '../../helpers/upstream.ts';

let upstream: TestUpstream;
let service: Service;

beforeAll(async () => {
  upstream = await startUpstream();
  service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await service.add('body-cases');
});
beforeEach(() => {
  upstream.requests.length = 0;
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const odd =
  '  { "stream" :false,\r\n"model":"caf\\u00e9\\/x", "b":1.0, "a": 1e2, "b" : "\u{1F600}" , "big":12345678901234567890 }\n';

async function send(
  name: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) {
  const response = await fetch(`${service.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-case': name, ...headers },
    body,
  });
  await response.arrayBuffer();
  return upstream.requests.at(-1);
}

test.each([
  'reads it',
  'returns it',
  'returns ctx unread',
  'returns ctx after reading',
  'changes it without returning it',
])('a hook that %s leaves every byte as the client sent it', async (name) => {
  const received = await send(name, odd);
  expect(received?.body.toString('utf8')).toBe(odd);
  expect(received?.headers['content-type']).toBe('application/json');
});

test.each([
  ['changes it and returns it', { model: 'changed', n: 1 }],
  ['changes it and returns ctx', { model: 'changed', n: 1 }],
  ['assigns another and returns ctx', { model: 'assigned' }],
  ['returns an object', { model: 'object', stream: true }],
])('a hook that %s replaces the body', async (name, expected) => {
  const received = await send(name, '{"model":"given","n":1}');
  expect(JSON.parse(received?.body.toString('utf8') ?? '')).toEqual(expected);
  expect(received?.headers['content-length']).toBe(String(received?.body.length));
});

test('a returned string goes up as the text that it is', async () => {
  expect((await send('returns a string', '{}'))?.body.toString('utf8')).toBe('{"model": "string" }');
});

test('returned bytes go up as the bytes that they are', async () => {
  expect((await send('returns bytes', '{}'))?.body).toEqual(Buffer.from([0, 255, 10]));
});

test.each([
  ['not JSON', 'nothing of the kind', {}],
  ['not UTF-8', new Uint8Array([0x22, 0xff, 0x22]), {}],
  ['content-encoded', '{"model":"x"}', { 'content-encoding': 'gzip' }],
])('a body that is %s passes as it is', async (_, body, headers) => {
  const received = await send('reads it', body, headers);
  expect(received?.body).toEqual(Buffer.from(body));
  expect(received?.headers['content-encoding']).toBe(
    new Headers(headers).get('content-encoding') ?? undefined,
  );
});

test('a replaced body is not called encoded any more', async () => {
  const received = await send('returns an object', 'gzip bytes', { 'content-encoding': 'gzip' });
  expect(received?.headers).not.toHaveProperty('content-encoding');
  expect(received?.body.toString('utf8')).toBe('{"model":"object","stream":true}');
});

test('later hooks see the model and the stream flag of the body that replaced the first one', async () => {
  await addVariant(service, 'records-calls', { hooks: { onRequest: { priority: 200 } } });
  await send('reads it', '{"model":"given"}');
  await send('returns an object', '{"model":"given"}');
  await send('returns a string', '{"model":"given","stream":true}');
  await send('returns bytes', '{"model":"given","stream":true}');
  const seen = (await recordedCalls(service)).map(({ ctx }) => [ctx.model, ctx.stream, ctx.body]);
  expect(seen).toEqual([
    ['given', false, { model: 'given' }],
    ['object', true, { model: 'object', stream: true }],
    ['string', false, { model: 'string' }],
    [null, false, undefined],
  ]);
});
