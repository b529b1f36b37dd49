import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restRoutes } from '@omniroute/server/http/rest-table';
import { startTestService, type TestService } from './test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    plugins: {
      install: async () => {
        throw new Error('not under test');
      },
    },
  });
});
afterAll(() => service[Symbol.asyncDispose]());

const json: [string, string] = ['Content-Type', 'application/json'];

describe.each(restRoutes)('$method $path', ({ method, path }) => {
  const url = path.replace(':name', 'demo');

  test('is a route', async () => {
    const answer = await service.manage({ method, path: url });
    expect(answer.code).not.toBe('METHOD_NOT_ALLOWED');
    expect(answer.code).not.toBe('NOT_FOUND');
  });

  test('names the methods of its path to every other one', async () => {
    const allowed = restRoutes.filter((route) => route.path === path).map((route) => route.method as string);
    for (const other of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      if (allowed.includes(other)) continue;
      const answer = await service.manage({ method: other, path: url });
      expect([answer.status, answer.code]).toEqual([405, 'METHOD_NOT_ALLOWED']);
      const listed = (answer.headers.get('allow') ?? '').split(', ').filter((name) => name !== 'HEAD');
      expect(listed.toSorted()).toEqual(allowed.toSorted());
    }
  });
});

test('parameters of the path win over the body', async () => {
  await using other = await startTestService({
    plugins: { updateConfig: async (name) => ({ success: true, config: { name } }) },
  });
  const answer = await other.manage({
    method: 'PUT',
    path: '/api/plugins/from-path/config',
    headers: [json],
    body: '{"name":"from-body","config":{}}',
  });
  expect(answer.json()).toEqual({ success: true, config: { name: 'from-path' } });
});

test('a filter that is empty is none', async () => {
  for (const path of ['/api/plugins', '/api/plugins?status=', '/api/plugins?status=active']) {
    expect((await service.manage({ path })).status).toBe(200);
  }
});

test.each([
  ['/api/plugins?status=nope', 'status'],
  ['/api/plugins?status=active&status=error', 'status'],
  ['/api/plugins?sort=name', ''],
  ['/api/plugins/demo/logs?tail=many', 'tail'],
  ['/api/plugins/demo/logs?tail=0', 'tail'],
  ['/api/plugins/marketplace?limit=-1', 'limit'],
  ['/api/plugins/marketplace?sort=nope', 'sort'],
])('%s is 400 and names "%s"', async (path, field) => {
  const answer = await service.manage({ path });
  expect(answer.status).toBe(400);
  expect(answer.json()).toMatchObject({ error: { code: 'INVALID_REQUEST', details: [{ path: field }] } });
});

test('the JSON Schema of plugin.json is there for editors', async () => {
  const answer = await service.send({ path: '/plugin.schema.json' });
  expect(answer.json()).toMatchObject({ title: 'OmniRoute plugin.json', type: 'object' });
});

test.each(['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'])('%s of an unknown path is 404', async (method) => {
  expect((await service.manage({ method, path: '/api/nope' })).code).toBe('NOT_FOUND');
});
