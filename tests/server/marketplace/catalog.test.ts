import type { CatalogListOutput } from '@omniroute/shared/marketplace';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Service, startService } from '../../helpers/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service[Symbol.asyncDispose]());

async function list(query = ''): Promise<CatalogListOutput> {
  const { status, body } = await service.call<CatalogListOutput>('GET', `/api/plugins/marketplace${query}`);
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body;
}

async function names(query: string) {
  return (await list(query)).plugins.map(({ name }) => name);
}

test('the bundled plugins are listed, with nothing invented', async () => {
  const { plugins, ...page } = await list();
  expect(page).toEqual({ total: plugins.length, source: 'seed' });
  expect(plugins).toContainEqual({
    name: 'request-logger',
    version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    description: expect.stringMatching(/\w/),
    author: expect.any(String),
    license: 'MIT',
    downloadUrl: '',
    tags: expect.any(Array),
    downloads: 0,
    rating: 0,
    verified: true,
    lastUpdated: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    permissions: [],
    hooks: expect.arrayContaining(['onRequest', 'onResponse', 'onError']),
  });
});

test.each(['', '?', '?q=&tag=&sort=&limit=&offset=', '?q=%20'])(
  'the query "%s" is no filter',
  async (query) => {
    expect(await list(query)).toEqual(await list());
  },
);

test.each([
  ['?q=request-logger', true],
  ['?q=REQUEST', true],
  ['?q=%20logger%20', true],
  ['?q=nothing-of-the-kind', false],
  ['?tag=nothing-of-the-kind', false],
  ['?offset=1000', false],
  ['?limit=1&q=request-logger', true],
  ['?sort=updated', true],
  ['?sort=downloads', true],
  ['?sort=rating', true],
])('the query %s finds request-logger: %s', async (query, isFound) => {
  expect((await names(query)).includes('request-logger')).toBe(isFound);
});

test('a tag of an entry finds it', async () => {
  const entry = (await list()).plugins.find(({ name }) => name === 'request-logger');
  for (const tag of entry?.tags ?? []) expect(await names(`?tag=${tag}`)).toContain('request-logger');
});

test('the total counts what the page leaves out', async () => {
  const all = await list();
  expect(await list('?offset=1000')).toEqual({ plugins: [], total: all.total, source: 'seed' });
});

test.each([
  '?sort=best',
  '?limit=0',
  '?limit=101',
  '?limit=x',
  '?offset=-1',
  '?limit=1.5',
  '?page=2',
  `?q=${'x'.repeat(201)}`,
])('the query %s is refused', async (query) => {
  const { status, body } = await service.call('GET', `/api/plugins/marketplace${query}`);
  expect(status).toBe(400);
  expect(body).toMatchObject({ error: { code: 'INVALID_REQUEST' } });
});

test('a registry that is set answers with the bundled plugins and a warning, never silently', async () => {
  await using other = await startService();
  const pluginMarketplaceUrl = 'https://registry.example/plugins.json';
  await other.call('PATCH', '/api/settings', { pluginMarketplaceUrl });
  const { status, body } = await other.call<CatalogListOutput>('GET', '/api/plugins/marketplace');
  expect(status).toBe(200);
  expect(body).toEqual({
    ...(await list()),
    warning: { code: 'FETCH_FAILED', message: expect.stringContaining('registry') },
  });
});
