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

test.each([
  '{"0":{},"99999999":{}}',
  '{"0":{},"1":{}}',
  '{"0":{},"-1":{}}',
  '{"00":{}}',
  '{"length":1}',
  '{"0":{},"__proto__":{}}',
  '{"0":{},"0":{}}',
  '[{}]',
  '[]',
  '5',
  'null',
  '"0"',
])('G3: a batch of one with the body %s is 400, and nothing runs', async (body) => {
  const before = service.calls.length;
  const answers = [
    await service.manage({ method: 'POST', path: '/trpc/plugins.scan?batch=1', headers: [json], body }),
    await service.manage({ path: `/trpc/plugins.list?batch=1&input=${encodeURIComponent(body)}` }),
  ];
  for (const answer of answers) {
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({ error: { data: { app: { code: 'INVALID_REQUEST' } } } });
  }
  expect(service.calls).toHaveLength(before);
});

test('G3: a batch with 5 000 inputs is 400', async () => {
  const before = service.calls.length;
  const body = JSON.stringify(Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [index, {}])));
  for (const count of [1, 20, 21]) {
    const path = `/trpc/${Array(count).fill('plugins.scan').join()}?batch=1`;
    expect((await service.manage({ method: 'POST', path, headers: [json], body })).status).toBe(400);
  }
  expect(service.calls).toHaveLength(before);
});

test('a batch may leave inputs out, and may have 20 calls', async () => {
  const path = `/trpc/${Array(20).fill('plugins.scan').join()}?batch=1`;
  for (const body of ['{}', '{"7":{}}', '']) {
    expect((await service.manage({ method: 'POST', path, headers: [json], body })).status).toBe(200);
  }
});

test.each(['batch=2', 'batch=0', 'batch=true', 'batch=', 'batch=1&batch=1', 'input=1&input=2'])(
  'the query %s is 400',
  async (query) => {
    expect((await service.manage({ path: `/trpc/plugins.list?${query}` })).status).toBe(400);
  },
);

test('G7: an input of 16 KB in the URL is 431', async () => {
  const input = encodeURIComponent(JSON.stringify({ name: 'x'.repeat(16_384) }));
  expect((await service.manage({ path: `/trpc/plugins.get?input=${input}` })).status).toBe(431);
});

test.each([
  ['trpc-accept', 'application/jsonl'],
  ['Accept', 'application/jsonl'],
  ['Accept', 'text/event-stream'],
])('G9: to %s: %s the answer is plain JSON', async (name, value) => {
  const answer = await service.manage({
    path: '/trpc/plugins.list,plugins.nope?batch=1',
    headers: [[name, value]],
  });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([207, 'application/json']);
  expect(answer.json()).toMatchObject([{ result: { data: { plugins: [] } } }, { error: {} }]);
});

test.each([1, 2, 20])('G10: %i subscriptions in a batch are 400, and none is opened', async (count) => {
  const topics = { topics: ['plugins'] };
  const input = JSON.stringify(
    Object.fromEntries(Array.from({ length: count }, (_, index) => [index, topics])),
  );
  const path = `/trpc/${Array(count).fill('events.stream').join()}?batch=1&input=${encodeURIComponent(input)}`;
  const answer = await service.manage({ path });
  expect(answer.status).toBe(400);
  expect(answer.text).not.toContain('event: connected');
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
  ['a subscription through POST', 'POST', '/trpc/events.stream'],
  ['a subscription in a batch through POST', 'POST', '/trpc/events.stream,events.stream?batch=1'],
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
