import { HttpUpstream } from '@omniroute/server/gateway/http-upstream';
import type { ErrorBody } from '@omniroute/shared/error-code';
import type { Settings } from '@omniroute/shared/settings';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Service, startService } from '../../helpers/service.ts';
import { completion, held, startUpstream } from '../../helpers/upstream.ts';

async function contentOf(response: Response): Promise<string> {
  return (await response.json()).choices[0].message.content;
}

async function set(service: Service, changes: Partial<Settings>) {
  const { status, body } = await service.call('PATCH', '/api/settings', changes);
  if (status !== 200) throw new Error(JSON.stringify(body));
}

test('a new base URL holds from the next request on, and null is the embedded model again', async () => {
  await using one = await startUpstream(completion('one'));
  await using two = await startUpstream(completion('two'));
  await using service = await startService();
  expect(await contentOf(await service.chat())).toBe('hello');
  await set(service, { upstreamBaseUrl: one.url });
  expect(await contentOf(await service.chat())).toBe('one');
  await set(service, { upstreamBaseUrl: two.url });
  expect(await contentOf(await service.chat())).toBe('two');
  await set(service, { upstreamBaseUrl: null });
  expect(await contentOf(await service.chat())).toBe('hello');
});

test('a request in flight ends on the upstream that it started on', async () => {
  const { answer, next } = held();
  await using one = await startUpstream(answer);
  await using two = await startUpstream(completion('two'));
  await using service = await startService();
  await set(service, { upstreamBaseUrl: one.url });
  const asked = service.chat();
  const sending = await next();
  await set(service, { upstreamBaseUrl: two.url });
  expect(await contentOf(await service.chat())).toBe('two');
  completion('one')(sending, { method: '', path: '', headers: {}, body: Buffer.alloc(0) });
  expect(await contentOf(await asked)).toBe('one');
});

test('a key that is set replaces the one of the application at once, and without it that passes again', async () => {
  await using upstream = await startUpstream();
  await using service = await startService();
  const headers = { authorization: 'Bearer sk-app' };
  await set(service, { upstreamBaseUrl: upstream.url, upstreamApiKey: 'sk-stored' });
  await service.chat({ headers });
  await set(service, { upstreamApiKey: null });
  await service.chat({ headers });
  expect(upstream.requests.map((request) => request.headers.authorization)).toEqual([
    'Bearer sk-stored',
    'Bearer sk-app',
  ]);
});

test('the environment wins over what is stored', async () => {
  await using upstream = await startUpstream(completion('environment'));
  await using other = await startUpstream(completion('stored'));
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await set(service, { upstreamBaseUrl: other.url });
  expect(await contentOf(await service.chat())).toBe('environment');
});

describe('the port of this service', () => {
  let service: Service;

  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service[Symbol.asyncDispose]());

  test.each([
    'localhost',
    'LOCALHOST',
    'localhost.',
    'any.localhost',
    '127.0.0.1',
    '127.1',
    '127.9.9.9',
    '2130706433',
    '0.0.0.0',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
  ])('at %s is refused as its upstream', async (host) => {
    const upstreamBaseUrl = `http://${host}:${service.app.port}/v1`;
    const { status, body } = await service.call<ErrorBody>('PATCH', '/api/settings', { upstreamBaseUrl });
    expect(status).toBe(400);
    expect(body.error).toMatchObject({
      code: 'INVALID_REQUEST',
      details: [{ path: 'upstreamBaseUrl', message: expect.stringContaining('this service') }],
    });
    expect((await service.call<Settings>('GET', '/api/settings')).body.upstreamBaseUrl).toBeNull();
  });
});

test.each(['localhost', '127.0.0.1'])(
  'a connection to %s that leads back to this service is not used',
  async (host) => {
    await using upstream = await startUpstream();
    const baseUrl = `http://${host}:${upstream.port}/v1`;
    const own = new HttpUpstream({ baseUrl, apiKey: null, ownPort: () => upstream.port });
    const { signal } = new AbortController();
    const sent = own.send({ method: 'GET', path: '/models', headers: {}, body: null, signal });
    await expect(sent).rejects.toMatchObject({
      code: 'UPSTREAM_UNREACHABLE',
      message: expect.stringContaining('leads back to this service'),
    });
    expect(upstream.requests).toEqual([]);
    await own.close();
  },
);
