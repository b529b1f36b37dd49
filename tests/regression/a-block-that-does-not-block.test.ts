import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Service, startService } from '../helpers/service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
  await service.add('blocks-imperfectly');
});
afterAll(() => service[Symbol.asyncDispose]());

test.each([
  'blocked as a word',
  'blocked as a number',
  'an undefined header',
  'a header with a line break',
  'a header that is a list',
  'a cyclic body',
  'a body that throws',
  'metadata that is no JSON',
  'metadata that nests deep',
  'a status beyond all numbers',
  'a header of 300 KiB',
  'metadata over the limit',
  'metadata over the limit, set in place',
])('a hook that blocks with %s blocks', async (name) => {
  const response = await service.chat({ headers: { 'x-case': name } });
  expect(response.status).toBe(403);
  expect(await response.json()).toMatchObject({ error: { code: 'PLUGIN_BLOCKED' } });
});
