import { expect, test } from 'vitest';
import { recordedCalls } from '../../helpers/recorded-calls.ts';
import { startService } from '../../helpers/service.ts';
import { startUpstream } from '../../helpers/upstream.ts';

test('a hook gets the whole context of its request', async () => {
  const now = new Date('2026-01-02T03:04:05Z');
  await using service = await startService({ now: () => now });
  await service.add('records-calls');
  await service.call('PUT', '/api/plugins/records-calls/config', { config: { extra: 1 } });
  const body = JSON.stringify({
    model: 'some/model',
    stream: false,
    messages: [{ role: 'user', content: 'hi' }],
  });
  const response = await fetch(`${service.url}/v1/chat/completions?version=2`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-tag': 'a' },
    body,
  });
  const [onRequest, onResponse] = await recordedCalls(service);
  expect(onRequest).toMatchObject({
    hook: 'onRequest',
    ctx: {
      requestId: response.headers.get('x-request-id'),
      method: 'POST',
      path: '/v1/chat/completions',
      model: 'some/model',
      provider: 'omniroute',
      stream: false,
      timestamp: now.getTime(),
      metadata: {},
      config: { level: 'info', extra: 1 },
      apiKeyInfo: null,
      body: JSON.parse(body),
      headers: { 'content-type': 'application/json', 'x-tag': 'a' },
    },
  });
  expect(onResponse?.ctx).toEqual(onRequest?.ctx);
});

test('a request without a body has no body and no model', async () => {
  await using service = await startService();
  await service.add('records-calls');
  await fetch(`${service.url}/v1/models`);
  const [call] = await recordedCalls(service);
  expect(call?.ctx).toMatchObject({ method: 'GET', path: '/v1/models', model: null, stream: false });
  expect(call?.ctx).not.toHaveProperty('body');
});

test('the provider is the host of the upstream', async () => {
  await using upstream = await startUpstream();
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await service.add('records-calls');
  await service.chat();
  const [call] = await recordedCalls(service);
  expect(call?.ctx.provider).toBe(`127.0.0.1:${upstream.port}`);
});

test.each(['authorization', 'cookie', 'x-api-key', 'api-key', 'x-goog-api-key', 'proxy-authorization'])(
  '%s never reaches a hook',
  async (name) => {
    await using service = await startService();
    await service.add('records-calls');
    await service.chat({ headers: { [name]: 'Bearer sk-secret' } });
    const calls = await recordedCalls(service);
    expect(calls).toHaveLength(2);
    expect(JSON.stringify(calls)).not.toContain('sk-secret');
  },
);

test('the id of a key is the same for every request, however it is sent', async () => {
  await using upstream = await startUpstream();
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await service.add('records-calls');
  const keys: Record<string, string>[] = [
    { authorization: 'Bearer sk-one' },
    { authorization: 'bearer sk-one' },
    { 'x-api-key': 'sk-one' },
    { 'api-key': 'sk-one' },
    { authorization: 'Bearer sk-two' },
    {},
  ];
  for (const headers of keys) await service.chat({ headers });
  const calls = (await recordedCalls(service)).filter(({ hook }) => hook === 'onRequest');
  const [one, ...others] = calls.map(({ ctx }) => ctx.apiKeyInfo);
  expect(one?.id).toMatch(/^[0-9a-f]{32}$/);
  expect(others.slice(0, 3)).toEqual([one, one, one]);
  expect(others[3]?.id).not.toBe(one?.id);
  expect(others[4]).toBeNull();
});

test('the id of a key is another one on another installation', async () => {
  const ids = await Promise.all(
    [0, 1].map(async () => {
      await using service = await startService();
      await service.add('records-calls');
      await service.chat({ headers: { authorization: 'Bearer sk-one' } });
      const [call] = await recordedCalls(service);
      return call?.ctx.apiKeyInfo?.id;
    }),
  );
  expect(ids[0]).not.toBe(ids[1]);
});
