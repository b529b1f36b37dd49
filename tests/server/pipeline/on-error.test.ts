import { expect, test } from 'vitest';
import { addVariant } from '../../helpers/plugin-variant.ts';
import { hostLines, recordedCalls } from '../../helpers/recorded-calls.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { bytes, json, startUpstream } from '../../helpers/upstream.ts';

const refusal = { error: { message: 'slow down', type: 'rate_limit' } };

/** A base URL where nobody listens. */
async function deadUrl(): Promise<string> {
  await using upstream = await startUpstream();
  return upstream.url;
}

async function hooks(service: Service) {
  return (await recordedCalls(service)).map(({ hook }) => hook);
}

test('an error of the upstream runs onError with its status, body and headers, and passes as it is', async () => {
  const text = ' {"error": {"message":"slow down","type":"rate_limit"}}\n';
  const headers = { 'content-type': 'application/json', 'retry-after': '7' };
  await using upstream = await startUpstream(bytes(429, text, headers));
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await service.add('records-calls');
  const response = await service.chat();
  expect(response.status).toBe(429);
  expect(response.headers.get('retry-after')).toBe('7');
  expect(await response.text()).toBe(text);
  const calls = await recordedCalls(service);
  expect(calls.map(({ hook }) => hook)).toEqual(['onRequest', 'onError', 'onResponse']);
  expect(calls[1]?.error).toEqual({
    code: 'UPSTREAM_STATUS',
    message: expect.stringContaining('429'),
    status: 429,
    headers: expect.objectContaining(headers),
    body: refusal,
  });
  expect(calls[2]?.response).toMatchObject({ status: 429, data: refusal, source: 'upstream' });
});

test('an error that is not JSON passes with its body', async () => {
  await using upstream = await startUpstream(bytes(500, '<h1>Oops</h1>', { 'content-type': 'text/html' }));
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await service.add('records-calls');
  const response = await service.chat();
  expect(response.status).toBe(500);
  expect(response.headers.get('content-type')).toBe('text/html');
  expect(await response.text()).toBe('<h1>Oops</h1>');
  expect(await hooks(service)).toEqual(['onRequest', 'onError', 'onResponse']);
});

test('an unreachable upstream runs onError, and without a fallback is a 502 that onResponse sees', async () => {
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: await deadUrl() } });
  await service.add('records-calls');
  const response = await service.chat();
  expect(response.status).toBe(502);
  expect((await response.json()).error).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', type: 'upstream' });
  const calls = await recordedCalls(service);
  expect(calls.map(({ hook }) => hook)).toEqual(['onRequest', 'onError', 'onResponse']);
  expect(calls[1]?.error).toEqual({
    code: 'UPSTREAM_UNREACHABLE',
    message: expect.stringContaining('ECONNREFUSED'),
  });
  expect(calls[2]?.response).toMatchObject({ status: 502, source: 'host' });
});

test('an upstream that breaks off in the middle of an answer is unreachable', async () => {
  await using upstream = await startUpstream((response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
    response.write('{"a":', () => response.destroy());
  });
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await service.add('records-calls');
  const response = await service.chat();
  expect(response.status).toBe(502);
  expect((await response.json()).error.code).toBe('UPSTREAM_UNAVAILABLE');
  const calls = await recordedCalls(service);
  expect(calls.map(({ hook }) => hook)).toEqual(['onRequest', 'onError', 'onResponse']);
  expect(calls[1]?.error.code).toBe('UPSTREAM_UNREACHABLE');
});

test('the first fallback is the answer, and later hooks still run', async () => {
  await using upstream = await startUpstream(json(500, refusal));
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  for (const text of ['one', 'two']) {
    await addVariant(service, 'falls-back', {
      name: `falls-back-${text}`,
      configSchema: { text: { type: 'string', default: text } },
    });
  }
  await service.add('records-calls');
  const response = await service.chat();
  expect(response.status).toBe(200);
  expect(response.headers.get('x-fallback')).toBe('UPSTREAM_STATUS');
  expect((await response.json()).choices[0].message.content).toBe('one');
  const second = await service.until(async () => (await service.logs('falls-back-two'))[0]);
  expect(second.text).toBe('two: UPSTREAM_STATUS');
  const calls = await recordedCalls(service);
  expect(calls.map(({ hook }) => hook)).toEqual(['onRequest', 'onError', 'onResponse']);
  expect(calls[2]?.response).toMatchObject({ status: 200, source: 'fallback' });
});

test('a fallback answers for an unreachable upstream, too', async () => {
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: await deadUrl() } });
  await service.add('falls-back');
  const response = await service.chat();
  expect(response.status).toBe(200);
  expect((await response.json()).choices[0].message.content).toBe('from the fallback');
});

test('a fallback answers a streaming client as one chunk and [DONE]', async () => {
  await using upstream = await startUpstream(json(500, refusal));
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await service.add('falls-back');
  const response = await service.chat({ stream: true });
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const [first = '', ...rest] = (await response.text()).split('\n\n');
  expect(rest).toEqual(['data: [DONE]', '']);
  expect(JSON.parse(first.slice('data: '.length)).choices[0].delta.content).toBe('from the fallback');
});

test.each([
  ['open', 500, undefined],
  ['closed', 503, 'PLUGIN_UNAVAILABLE'],
])('an onError hook that throws: %s answers %i', async (failure, status, code) => {
  await using upstream = await startUpstream(json(500, refusal));
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await addVariant(service, 'fails-on-error', { hooks: { onError: { failure } } });
  const response = await service.chat();
  expect(response.status).toBe(status);
  expect((await response.json()).error.code).toBe(code);
  expect(await hostLines(service, 'fails-on-error')).toContainEqual(
    `onError failed (THROW, ${failure}): broken on purpose`,
  );
});

test('a closed onResponse hook that fails on our own 502 leaves it as it is', async () => {
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: await deadUrl() } });
  await addVariant(service, 'fails-on-response', { hooks: { onResponse: { failure: 'closed' } } });
  const response = await service.chat();
  expect(response.status).toBe(502);
  expect((await response.json()).error.code).toBe('UPSTREAM_UNAVAILABLE');
  const failures = (await hostLines(service, 'fails-on-response')).filter((line) => line.includes('failed'));
  expect(failures).toHaveLength(1);
});

test('onError does not run for a block', async () => {
  await using service = await startService();
  await addVariant(service, 'blocks-with-429', { hooks: { onRequest: { priority: 200 } } });
  await service.add('records-calls');
  await service.chat();
  expect(await hooks(service)).toEqual(['onRequest', 'onResponse']);
});

test('onError does not run for a closed hook that failed', async () => {
  await using service = await startService();
  await addVariant(service, 'fails-on-request', {
    hooks: { onRequest: { priority: 200, failure: 'closed' } },
  });
  await service.add('records-calls');
  await service.chat({ headers: { 'x-case': 'throws an error' } });
  const calls = await recordedCalls(service);
  expect(calls.map(({ hook }) => hook)).toEqual(['onRequest', 'onResponse']);
  expect(calls[1]?.response).toMatchObject({ status: 503, source: 'host' });
});
