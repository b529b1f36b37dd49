import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addVariant } from '../../helpers/plugin-variant.ts';
import { hostLines, recordedCalls } from '../../helpers/recorded-calls.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { bytes, completionBody, json, startUpstream, type TestUpstream } from '../../helpers/upstream.ts';

const odd = '{ "model":"caf\\u00e9", "choices" : [],"b":1.0 ,"usage":{"total_tokens":5}}\n';

describe('an onResponse hook that', () => {
  let upstream: TestUpstream;
  let service: Service;

  beforeAll(async () => {
    const headers = { 'content-type': 'application/json', 'x-limit': '9', 'set-cookie': ['a=1', 'b=2'] };
    upstream = await startUpstream(bytes(201, odd, headers));
    service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
    await service.add('response-cases');
  });
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  const chat = (name: string) => service.chat({ headers: { 'x-case': name } });

  test.each([
    'returns nothing',
    'returns the response untouched',
    'returns the response after reading it',
    'changes it without returning it',
    'returns headers only',
    'returns a status only',
    'returns metadata only',
  ])('%s leaves every byte of the body as it came', async (name) => {
    const response = await chat(name);
    expect(response.status).toBe(name === 'returns a status only' ? 299 : 201);
    expect(response.headers.get('x-limit')).toBe('9');
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(response.headers.get('content-length')).toBe(String(odd.length));
    expect(await response.text()).toBe(odd);
  });

  test.each([
    'changes it in place and returns it',
    'changes it in place and returns { response }',
    'assigns other data and returns it',
    'assigns its alias body and returns it',
    'returns a copy with a body',
    'returns a copy with data',
    'returns data only',
  ])('%s changes the body and keeps the rest', async (name) => {
    const response = await chat(name);
    expect(response.status).toBe(201);
    expect(response.headers.get('x-limit')).toBe('9');
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    const text = await response.text();
    expect(JSON.parse(text).model).toBe('changed');
    expect(response.headers.get('content-length')).toBe(String(text.length));
    expect(response.headers.get('content-type')).toBe('application/json');
  });

  test('returns one header replaces the others, and the body stays', async () => {
    const response = await chat('returns one header');
    expect(response.headers.get('x-added')).toBe('yes');
    expect(response.headers.get('x-limit')).toBeNull();
    expect(await response.text()).toBe(odd);
  });

  test('returns headers of the connection sets none of them', async () => {
    const response = await chat('returns connection headers');
    expect(response.headers.get('x-added')).toBe('yes');
    expect(response.headers.get('transfer-encoding')).toBeNull();
    expect(await response.text()).toBe(odd);
  });

  test('forges the request id does not get through', async () => {
    const response = await chat('forges the request id');
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('returns an empty text empties the body', async () => {
    const response = await chat('returns an empty text');
    expect(response.headers.get('content-length')).toBe('0');
    expect(await response.text()).toBe('');
  });

  test('returns status 204 leaves no body', async () => {
    const response = await chat('returns no content');
    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
  });

  test('reads `body` gets `data`, which a copy does not carry', async () => {
    expect(await (await chat('tells how it sees body')).json()).toEqual({
      same: true,
      keys: ['data', 'durationMs', 'headers', 'source', 'status', 'streamed', 'usage'],
      copied: false,
    });
  });

  test.each([
    ['throws', 'THROW'],
    ['never answers', 'TIMEOUT'],
    ['returns a number', 'INVALID_RETURN'],
    ['returns an impossible status', 'INVALID_RETURN'],
    ['returns a cyclic body', 'INVALID_RETURN'],
  ])('%s leaves the answer as it was, and the log says %s', async (name, failure) => {
    const response = await chat(name);
    expect(response.status).toBe(201);
    expect(await response.text()).toBe(odd);
    const failures = (await hostLines(service, 'response-cases')).filter((line) => line.includes('failed'));
    expect(failures.at(-1)).toContain(`onResponse failed (${failure}, open): `);
  });
});

test('a hook gets the answer with its usage, its duration and where it comes from', async () => {
  await using upstream = await startUpstream(json(200, completionBody('hi'), { 'x-limit': '9' }));
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await service.add('records-calls');
  await service.chat();
  const calls = await recordedCalls(service);
  expect(calls.map(({ hook }) => hook)).toEqual(['onRequest', 'onResponse']);
  expect(calls[1]?.response).toMatchObject({
    status: 200,
    headers: { 'content-type': 'application/json', 'x-limit': '9' },
    data: completionBody('hi'),
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    streamed: false,
    source: 'upstream',
    durationMs: expect.any(Number),
  });
});

test.each([
  ['HEAD', 200],
  ['GET', 204],
  ['GET', 304],
])('a hook runs once for a %s that is answered %i, without a body', async (method, status) => {
  const headers = { 'content-type': 'application/json', etag: '"x"' };
  await using upstream = await startUpstream(bytes(status, '', headers));
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await service.add('records-calls');
  const response = await fetch(`${service.url}/v1/models`, { method });
  expect(response.status).toBe(status);
  expect(response.headers.get('etag')).toBe('"x"');
  const calls = await recordedCalls(service, 2);
  expect(calls.map(({ hook }) => hook)).toEqual(['onRequest', 'onResponse']);
  expect(calls[1]?.response).toMatchObject({ status, source: 'upstream' });
});

test('each hook gets the answer as earlier ones left it', async () => {
  await using service = await startService();
  await addVariant(service, 'response-cases', { hooks: { onResponse: { priority: 1 } } });
  await service.add('records-calls');
  await service.chat({ headers: { 'x-case': 'returns data only' } });
  const [, onResponse] = await recordedCalls(service);
  expect(onResponse?.response.data).toEqual({ model: 'changed' });
});

describe('an answer that hooks cannot change', () => {
  const audio = Buffer.from([0x49, 0x44, 0x33, 0x00, 0xff]);

  test('passes an open onResponse hook as it is, which hears of it without data and is logged as bypassed', async () => {
    await using upstream = await startUpstream(bytes(200, audio, { 'content-type': 'audio/mpeg' }));
    await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
    await service.add('records-calls');
    const response = await service.chat();
    expect(response.headers.get('content-type')).toBe('audio/mpeg');
    expect(Buffer.from(await response.arrayBuffer())).toEqual(audio);
    const calls = await recordedCalls(service, 2);
    expect(calls.map(({ hook }) => hook)).toEqual(['onRequest', 'onResponse']);
    expect(calls[1]?.response).toMatchObject({ status: 200, headers: { 'content-type': 'audio/mpeg' } });
    expect(calls[1]?.response).not.toHaveProperty('data');
    expect(await hostLines(service, 'records-calls')).toEqual([
      'onResponse failed (BYPASSED, open): the response is not JSON: it passes unseen',
    ]);
  });

  test('does not pass a closed one', async () => {
    await using upstream = await startUpstream(bytes(200, audio, { 'content-type': 'audio/mpeg' }));
    await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
    await addVariant(service, 'response-cases', { hooks: { onResponse: { failure: 'closed' } } });
    const response = await service.chat();
    expect(response.status).toBe(503);
    expect((await response.json()).error.code).toBe('PLUGIN_UNAVAILABLE');
    expect(await hostLines(service, 'response-cases')).toEqual([
      'onResponse failed (BYPASSED, closed): the response is not JSON: it is refused',
    ]);
  });

  test('is one over 32 MiB', async () => {
    const large = Buffer.alloc(33 * 1024 * 1024, ' ');
    await using upstream = await startUpstream(bytes(200, large, { 'content-type': 'application/json' }));
    await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
    await service.add('records-calls');
    const response = await service.chat();
    expect((await response.arrayBuffer()).byteLength).toBe(large.length);
    const calls = await recordedCalls(service, 2);
    expect(calls.map(({ hook }) => hook)).toEqual(['onRequest', 'onResponse']);
    expect(calls[1]?.response).not.toHaveProperty('data');
  });
});
