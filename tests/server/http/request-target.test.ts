import { isPlainTarget } from '@omniroute/server/http/request-target';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestService, type TestService } from './test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service[Symbol.asyncDispose]());

describe('E: paths', () => {
  test.each([
    ['E1', '//api/plugins'],
    ['E2', '///evil/api/plugins'],
    ['E3', '/api/./plugins'],
    ['E3', '/api/x/../plugins'],
    ['E4', '/public/%2e%2e/api/plugins'],
    ['E4', '/public/%2E%2E/api/plugins'],
    ['E8', '/api/plugins%00'],
    ['E9', '/api%2fplugins'],
    ['E9', '/api%5Cplugins'],
    ['E10', '/api\\plugins'],
    ['E11', 'http://x/api/plugins'],
    ['E12', '/api/plügins'],
    ['E12', '/api/plu gins'],
    ['E13', '/api/%zz'],
    ['E13', '/api/%c0%af'],
    ['E14', '/api/plugins/..'],
    ['E14', '/api/plugins/%2e%2e'],
    ['E16', '/trpc/../plugins'],
    ['E16', '/trpc/plugins%2elist'],
  ])('%s: %s is 400, with and without the token', async (_id, path) => {
    expect((await service.manage({ path })).status).toBe(400);
    expect((await service.send({ path })).status).toBe(400);
  });

  test.each([
    ['E5', '/api/..;/plugins'],
    ['E7', '/API/PLUGINS'],
    ['E7', '/Api/plugins'],
    ['E8', '/api/plugins/'],
    ['E8', '/api/plugins;x=1'],
    ['E9', '/api/%252fplugins'],
    ['E16', '/trpc//x'],
  ])('%s: %s is 401 without the token and 404 with it', async (_id, path) => {
    expect((await service.send({ path })).status).toBe(401);
    expect((await service.manage({ path })).status).toBe(404);
  });

  test.each([
    ['E8', '/api/plugins%3f'],
    ['E8', '/api/plugins%20'],
  ])('%s: %s is 401 without the token', async (_id, path) => {
    expect((await service.send({ path })).status).toBe(401);
    expect((await service.manage({ path })).status).toBe(404);
  });

  test('E6: an escaped letter is guarded as the route that it leads to', async () => {
    expect((await service.send({ path: '/api/%70lugins' })).status).toBe(401);
    expect((await service.manage({ path: '/api/%70lugins' })).json()).toEqual({ plugins: [] });
  });

  test.each([
    '__proto__',
    'constructor',
    'CON',
    'con',
    'Upper',
    'a_b',
    'x'.repeat(101),
    'x'.repeat(10_240),
    'node_modules',
  ])('E14: the name %s is 400', async (name) => {
    const answer = await service.manage({ path: `/api/plugins/${name}` });
    expect([answer.status, answer.code]).toEqual([400, 'INVALID_REQUEST']);
    expect((await service.send({ path: `/api/plugins/${name}` })).status).toBe(401);
  });

  test('E15: a path of 17 KB is 431', async () => {
    expect((await service.send({ path: `/${'x'.repeat(17 * 1024)}` })).status).toBe(431);
  });

  test('E16: each procedure of a batch is guarded by itself', async () => {
    const answer = await service.send({ path: '/trpc/plugins.list,plugins.list?batch=1' });
    expect(answer.status).toBe(401);
    expect(service.calls).not.toContain('list,list');
  });

  test.each(['/', '/api/plugins?status=active&x=%2e%2e', '/v1/files/a.b~c', '/assets/a-1.js', '/x%20y'])(
    '%s is plain',
    (path) => {
      expect(isPlainTarget(path)).toBe(true);
    },
  );
});
