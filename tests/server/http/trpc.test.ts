import { createTRPCClient, httpBatchLink, TRPCClientError } from '@trpc/client';
import type { AppRouter } from '@omniroute/server/http/app-router';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestService, type TestService, token } from './test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service[Symbol.asyncDispose]());

const json: [string, string] = ['Content-Type', 'application/json'];

function client(headers: Record<string, string>) {
  return createTRPCClient<AppRouter>({
    links: [httpBatchLink({ url: `http://localhost:${service.port}/trpc`, headers })],
  });
}

test('the typed client reads and writes', async () => {
  const trpc = client({ authorization: `Bearer ${token}` });
  const [{ plugins }, health] = await Promise.all([trpc.plugins.list.query(), trpc.health.query()]);
  expect([plugins, health.status]).toEqual([[], 'ready']);
  expect(await trpc.plugins.activate.mutate({ name: 'demo' })).toEqual({
    success: true,
    message: 'activate',
  });
});

test.each([
  ['without credentials', {}, 'AUTH_REQUIRED'],
  ['from another site', { origin: 'https://evil.example' }, 'LOCAL_ONLY'],
])('the typed client learns why it is refused %s', async (_name, headers, code) => {
  const error = await client(headers)
    .plugins.list.query()
    .catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(TRPCClientError);
  expect(error).toMatchObject({ data: { app: { code } } });
});

test('the typed client gets the code of a refusal of the domain', async () => {
  const trpc = client({ authorization: `Bearer ${token}` });
  await expect(trpc.plugins.get.query({ name: 'nope' })).rejects.toMatchObject({
    message: 'There is no plugin "nope".',
    data: { code: 'NOT_FOUND', httpStatus: 404, app: { code: 'PLUGIN_NOT_FOUND', type: 'invalid_request' } },
  });
});

test.each([
  ['G1', 'GET', `/trpc/${Array(21).fill('plugins.list').join()}?batch=1`],
  ['G1', 'GET', `/trpc/${Array(1_000).fill('plugins.list').join()}?batch=1`],
  ['G2', 'GET', `/trpc/${','.repeat(100)}?batch=1`],
  ['G3', 'POST', `/trpc/${Array(21).fill('plugins.scan').join()}?batch=1`],
])('%s: a batch above 20 is 400 (%s)', async (_id, method, path) => {
  const before = service.calls.length;
  const answer = await service.manage({ method, path });
  expect(answer.status).toBe(400);
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  expect(answer.json()).toMatchObject({ error: { data: { app: { code: 'INVALID_REQUEST' } } } });
  expect(service.calls).toHaveLength(before);
});

test('G4: of a batch without credentials only the public procedure runs', async () => {
  const before = service.calls.length;
  const answer = await service.send({ path: '/trpc/auth.session,plugins.list,plugins.nope?batch=1' });
  expect(answer.status).toBe(207);
  expect(answer.json()).toMatchObject([
    { result: { data: { authenticated: false } } },
    { error: { data: { httpStatus: 401, app: { code: 'AUTH_REQUIRED' } } } },
    { error: { data: { httpStatus: 401, app: { code: 'AUTH_REQUIRED' } } } },
  ]);
  expect(service.calls).toHaveLength(before);
});

test.each([
  ['a mutation through GET', 'GET', '/trpc/plugins.scan'],
  ['a query through POST', 'POST', '/trpc/plugins.list'],
  ['a public mutation through GET', 'GET', '/trpc/auth.logout'],
])('G5: %s is 405', async (_name, method, path) => {
  const before = service.calls.length;
  const answer = await service.manage({ method, path });
  expect(answer.status).toBe(405);
  expect(answer.json()).toMatchObject({ error: { data: { app: { code: 'METHOD_NOT_ALLOWED' } } } });
  expect(service.calls).toHaveLength(before);
});

test.each(['HEAD', 'PUT', 'DELETE'])('%s is no way to call a procedure', async (method) => {
  expect((await service.manage({ method, path: '/trpc/plugins.list' })).status).toBe(404);
});

test.each([
  ['/trpc/plugins.get', '{"name":5}'],
  ['/trpc/plugins.get', '{broken'],
  ['/trpc/plugins.nope', '{}'],
  ['/trpc/plugins.get?input=%7B%7D', '{}'],
  ['/trpc/plugins.get?connectionParams=broken', '{}'],
  ['/trpc/constructor', '{}'],
  ['/trpc/__proto__', '{}'],
])('G8: the error of %s with %s holds no stack and no echo', async (path, input) => {
  const separator = path.includes('?') ? '&' : '?';
  const answer = await service.manage({ path: `${path}${separator}input=${encodeURIComponent(input)}` });
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
  expect(answer.text).not.toMatch(/stack|node_modules|broken/);
});

test('invalid input names the field', async () => {
  const answer = await service.manage({
    method: 'POST',
    path: '/trpc/plugins.install',
    headers: [json],
    body: '{"path":"x"}',
  });
  expect(answer.json()).toMatchObject({
    error: {
      data: {
        app: {
          code: 'INVALID_REQUEST',
          message: '"path" must be an absolute path.',
          details: [{ path: 'path', message: 'must be an absolute path' }],
        },
      },
    },
  });
});

test('G6: failed logins in a batch count one by one', async () => {
  await using fresh = await startTestService();
  const count = 15;
  const answer = await fresh.send({
    method: 'POST',
    path: `/trpc/${Array(count).fill('auth.login').join()}?batch=1`,
    headers: [json],
    body: JSON.stringify(
      Object.fromEntries(Array.from({ length: count }, (_, index) => [index, { token: 'wrong' }])),
    ),
  });
  expect(answer.text.match(/AUTH_REQUIRED/g)).toHaveLength(10);
  expect(answer.text.match(/RATE_LIMITED/g)).toHaveLength(5);
  expect(answer.headers.get('retry-after')).toBe('60');
});
