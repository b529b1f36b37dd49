import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addVariant } from '../../helpers/plugin-variant.ts';
import { hostLines, recordedCalls } from '../../helpers/recorded-calls.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { startUpstream, type TestUpstream } from '../../helpers/upstream.ts';

const json = 'application/json; charset=utf-8';
const text = 'text/plain; charset=utf-8';
const byDefault = {
  error: {
    message: "Request blocked by plugin 'block-cases'",
    type: 'plugin_block',
    code: 'PLUGIN_BLOCKED',
  },
};

describe('a hook that blocks', () => {
  let upstream: TestUpstream;
  let service: Service;

  beforeAll(async () => {
    upstream = await startUpstream();
    service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
    await service.add('block-cases');
  });
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  test.each([
    ['nothing said', 403, json, byDefault],
    ['an empty response', 403, json, byDefault],
    ['status only', 429, json, byDefault],
    ['status and body', 451, json, { reason: 'law' }],
    ['status below 200', 403, text, 'no'],
    ['status above 599', 403, text, 'no'],
    ['status as text', 403, text, 'no'],
    ['fractional status', 403, text, 'no'],
    ['data', 400, json, { reason: 'data' }],
    ['body and data', 400, json, { reason: 'body' }],
    ['other keys', 400, json, { error: { message: 'no' }, code: 7 }],
    ['a text body', 400, text, 'No, thank you.'],
    ['a text response', 403, text, 'No, thank you.'],
    ['headers', 429, 'text/html', '<p>'],
    ['a plain success', 200, json, { ok: true }],
  ])('with %s answers %i as %s', async (name, status, contentType, expected) => {
    const response = await service.chat({ headers: { 'x-case': name } });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe(contentType);
    expect(contentType === json ? await response.json() : await response.text()).toEqual(expected);
    expect(upstream.requests).toEqual([]);
  });

  test('with bytes answers them', async () => {
    const response = await service.chat({ headers: { 'x-case': 'bytes' } });
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(new Uint8Array([0, 255]));
  });

  test('with status 204 answers without a body', async () => {
    const response = await service.chat({ headers: { 'x-case': 'no content' } });
    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
  });

  test('with headers sets them, numbers included', async () => {
    const response = await service.chat({ headers: { 'x-case': 'headers' } });
    expect(response.headers.get('retry-after')).toBe('7');
  });

  test('cannot set the headers of the connection', async () => {
    const response = await service.chat({ headers: { 'x-case': 'connection headers' } });
    expect(response.headers.get('x-ok')).toBe('1');
    expect(await response.json()).toEqual(byDefault);
  });

  test('cannot set the id of the request', async () => {
    const response = await service.chat({ headers: { 'x-case': 'a forged request id' } });
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each(['not blocked', 'blocked: false'])('with %s does not, and the log says so', async (name) => {
    const before = upstream.requests.length;
    const response = await service.chat({ headers: { 'x-case': name } });
    expect(response.status).toBe(200);
    expect(upstream.requests).toHaveLength(before + 1);
    expect((await hostLines(service, 'block-cases')).at(-1)).toBe(
      'onRequest returned a response without blocked: true; it is ignored',
    );
  });
});

test('a block skips later onRequest hooks, and onResponse runs once over it', async () => {
  await using service = await startService();
  await addVariant(service, 'blocks-with-429', { hooks: { onRequest: { priority: 1 } } });
  await service.add('records-calls');
  const response = await service.chat();
  expect(response.status).toBe(429);
  const calls = await recordedCalls(service);
  expect(calls.map(({ hook }) => hook)).toEqual(['onResponse']);
  expect(calls[0]?.response).toMatchObject({
    status: 429,
    source: 'plugin',
    streamed: false,
    data: { error: { message: 'slow down' } },
    headers: { 'retry-after': '7' },
  });
});

test('a block holds for requests without a body, too', async () => {
  await using service = await startService();
  await service.add('blocks-with-429');
  expect((await fetch(`${service.url}/v1/models`)).status).toBe(429);
});

test('a short-circuit answers a client that does not stream as JSON', async () => {
  await using service = await startService();
  await service.add('short-circuits');
  const response = await service.chat();
  expect(response.status).toBe(200);
  expect((await response.json()).choices[0].message.content).toBe('from the cache');
});

test('a short-circuit answers a streaming client as one chunk and [DONE]', async () => {
  await using service = await startService();
  await service.add('short-circuits');
  const response = await service.chat({ stream: true });
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const [first = '', ...rest] = (await response.text()).split('\n\n');
  expect(rest).toEqual(['data: [DONE]', '']);
  expect(JSON.parse(first.replace(/^data: /, ''))).toEqual({
    object: 'chat.completion.chunk',
    model: 'test-model',
    choices: [{ index: 0, delta: { role: 'assistant', content: 'from the cache' }, finish_reason: 'stop' }],
  });
});

test('JSON that is no completion answers a streaming client as it is', async () => {
  await using service = await startService();
  await service.add('block-cases');
  const response = await service.chat({ stream: true, headers: { 'x-case': 'a plain success' } });
  expect(response.headers.get('content-type')).toBe(json);
  expect(await response.json()).toEqual({ ok: true });
});

test('a refusal answers a streaming client as JSON', async () => {
  await using service = await startService();
  await service.add('blocks-with-429');
  const response = await service.chat({ stream: true });
  expect(response.status).toBe(429);
  expect(await response.json()).toEqual({ error: { message: 'slow down' } });
});
