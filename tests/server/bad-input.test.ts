import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ErrorBody } from '@omniroute/shared/error-code';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixture } from '../helpers/fixture.ts';
import { footprint, query } from '../helpers/footprint.ts';
import { type Service, startService } from '../helpers/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
  await service.add('has-every-config-type', { activate: false });
});
afterAll(() => service[Symbol.asyncDispose]());

const notText = [null, 7, true, [], {}];
const notFlags = ['true', 1, null, {}];
const badNames = [
  'UPPER',
  'a_b',
  'a b',
  'ä',
  'x'.repeat(101),
  '__proto__',
  'constructor',
  'con',
  'node_modules',
];
const path = fixture('appends-to-message');

const badBodies: [method: string, path: string, bodies: unknown[]][] = [
  [
    'POST',
    '/api/plugins',
    [
      {},
      [],
      'text',
      ...notText.map((value) => ({ path: value })),
      ...[
        '',
        'relative',
        '/tmp/../etc',
        '/no/such/folder',
        '/tmp\0',
        '/dev/null',
        `/${'x'.repeat(5_000)}`,
      ].map((value) => ({ path: value })),
      ...notFlags.map((value) => ({ path, keepConfig: value })),
      ...notFlags.map((value) => ({ path, replace: value })),
      ...['network', ['root'], [1], {}, null].map((value) => ({ path, permissions: value })),
      { path, unknown: true },
    ],
  ],
  [
    'PUT',
    '/api/plugins/has-every-config-type/config',
    [
      {},
      ...[null, 7, 'text', [], true].map((config) => ({ config })),
      { config: {}, unknown: true },
      ...notText.map((value) => ({ config: { text: value } })),
      ...['', 'x'.repeat(11)].map((value) => ({ config: { text: value } })),
      ...['7', null, true, {}, 0, 11, 1.5e300].map((value) => ({ config: { count: value } })),
      ...['true', 1, null, {}].map((value) => ({ config: { flag: value } })),
      ...['c', 1, null, true].map((value) => ({ config: { choice: value } })),
      { config: { anything: 'x'.repeat(70_000) } },
    ],
  ],
  [
    'PATCH',
    '/api/settings',
    [
      ...[
        7,
        true,
        '',
        'not a url',
        'ftp://example.com',
        'file:///etc/passwd',
        'http://u:p@example.com',
        'javascript:1',
      ].flatMap((value) => [{ pluginMarketplaceUrl: value }, { upstreamBaseUrl: value }]),
      ...[7, '', 'with blanks', 'x'.repeat(3_000)].map((value) => ({ upstreamApiKey: value })),
      ...[0, -1, 1.5, '30', null].map((value) => ({ analyticsRetentionDays: value })),
      ...notFlags.map((value) => ({ pluginsPaused: value })),
      { registryPublicKey: 7 },
      { unknown: 1 },
    ],
  ],
  [
    'POST',
    '/api/auth/login',
    [{}, { code: 7 }, { token: null }, { code: '' }, { code: 'x', token: 'y' }, []],
  ],
];

const rows = badBodies.flatMap(([method, target, bodies]) =>
  bodies.map((body) => ({ method, target, body, shown: JSON.stringify(body).slice(0, 60) })),
);

// One message for all of them: an error or a delay that told them apart would tell what listens where.
test('H1: a URL is no path to install from, and nothing is asked of it', async () => {
  const reached: string[] = [];
  const server = createServer((request, response) => {
    reached.push(request.url ?? '');
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const urls = [
    `http://127.0.0.1:${port}/`,
    `http://localhost:${port}/x.tgz`,
    'http://127.0.0.1:1/',
    `http://[::1]:${port}/`,
    'http://169.254.169.254/latest/meta-data/',
    'https://registry.example/x.tgz',
    'file:///etc/passwd',
    'gopher://127.0.0.1/',
    `//127.0.0.1:${port}/x`,
    'data:application/json,{}',
  ];
  const answers = await Promise.all(
    urls.flatMap((url) => [
      service.call<ErrorBody>('POST', '/api/plugins', { path: url }),
      service.call<ErrorBody>('POST', '/api/plugins', { url }),
      service.call<ErrorBody>('POST', '/api/plugins', { path, url }),
    ]),
  );
  server.close();
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400]));
  expect(JSON.stringify(answers)).not.toMatch(/ECONN|ENOTFOUND|timed out|refused/);
  expect(reached).toEqual([]);
});

test.each([
  'http://user:password@registry.example/',
  'http://user@registry.example/',
  'https://:password@registry.example/x',
])('H2: the registry %s is refused, and its credentials go no further', async (pluginMarketplaceUrl) => {
  const answer = await service.call<ErrorBody>('PATCH', '/api/settings', { pluginMarketplaceUrl });
  expect(answer.status).toBe(400);
  expect(JSON.stringify(answer.body)).not.toContain('password');
  expect(service.log.join('')).not.toContain('password@');
  expect(JSON.stringify((await service.call('GET', '/api/settings')).body)).not.toContain('registry.example');
});

test.each(rows)('$method $target refuses $shown', async ({ method, target, body }) => {
  const before = await everything();
  const answer = await service.call<ErrorBody>(method, target, body);
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
  expectHelpful(answer.body);
  expect(await everything()).toEqual(before);
});

const namedRoutes: [method: string, suffix: string][] = [
  ['GET', ''],
  ['DELETE', ''],
  ['POST', '/activate'],
  ['POST', '/deactivate'],
  ['POST', '/restart'],
  ['GET', '/config'],
  ['GET', '/logs'],
];

test.each(namedRoutes)('%s /api/plugins/:name%s refuses names that are none', async (method, suffix) => {
  for (const name of badNames) {
    const answer = await service.call<ErrorBody>(method, `/api/plugins/${encodeURIComponent(name)}${suffix}`);
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'INVALID_REQUEST' } } });
    expectHelpful(answer.body);
  }
});

test.each(namedRoutes)(
  '%s /api/plugins/:name%s says so when the plugin is not installed',
  async (method, suffix) => {
    const answer = await service.call<ErrorBody>(method, `/api/plugins/not-installed${suffix}`);
    expect(answer).toMatchObject({ status: 404, body: { error: { code: 'PLUGIN_NOT_FOUND' } } });
  },
);

test.each([
  '/api/plugins?status=running',
  '/api/plugins?status=active&status=error',
  '/api/plugins?unknown=1',
  '/api/plugins/has-every-config-type/logs?tail=0',
  '/api/plugins/has-every-config-type/logs?tail=-5',
  '/api/plugins/has-every-config-type/logs?tail=many',
  '/api/plugins/has-every-config-type/logs?tail=999999',
  '/api/plugins/marketplace?limit=0',
  '/api/plugins/marketplace?limit=many',
  '/api/plugins/marketplace?offset=-1',
  '/api/plugins/marketplace?sort=best',
])('GET %s is 400', async (target) => {
  const answer = await service.call<ErrorBody>('GET', target);
  expect(answer).toMatchObject({ status: 400, body: { error: { code: 'INVALID_REQUEST' } } });
  expectHelpful(answer.body);
});

test.each(['/api/plugins', '/api/plugins?status='])('GET %s lists everything', async (target) => {
  const answer = await service.call<{ plugins: { name: string }[] }>('GET', target);
  expect(answer.status).toBe(200);
  expect(answer.body.plugins.map((plugin) => plugin.name)).toEqual(['has-every-config-type']);
});

test.each([
  ['pipeline.request', { method: 'post' }],
  ['pipeline.request', { path: 'v1' }],
  ['pipeline.request', { headers: { a: 1 } }],
  ['pipeline.request', { metadata: [] }],
  ['pipeline.request', { metadata: { big: 'x'.repeat(70_000) } }],
  ['pipeline.request', { requestId: 'a b' }],
  ['pipeline.request', { unknown: 1 }],
  ['pipeline.response', { response: { status: 99 } }],
  ['pipeline.response', { response: null }],
  ['pipeline.error', { error: { message: 'x', code: 'OTHER' } }],
])('%s refuses %#', async (procedure, input) => {
  const answer = await service.call<{ error: { data: { app: ErrorBody['error'] } } }>(
    'POST',
    `/trpc/${procedure}`,
    input,
  );
  expect(answer.status).toBe(400);
  expectHelpful({ error: answer.body.error.data.app });
});

test('what clients see of errors holds no stack and no secret', async () => {
  const token = (await readFile(join(service.dataDir, 'auth-token'), 'utf8')).trim();
  for (const { method, target, body } of rows) {
    const text = JSON.stringify((await service.call(method, target, body)).body);
    expect(text).not.toContain(token);
    expect(text).not.toMatch(/node_modules|server\/src|\n\s+at /);
  }
});

async function everything() {
  const { dataDir } = service;
  return { plugins: await footprint(dataDir), settings: query(dataDir, 'SELECT * FROM settings') };
}

function expectHelpful({ error }: ErrorBody): void {
  expect(error.code).toMatch(/^[A-Z_]+$/);
  expect(error.type).toMatch(/^[a-z_]+$/);
  expect(error.message.split(' ').length).toBeGreaterThanOrEqual(3);
  expect(error.message).not.toMatch(/undefined|\[object|^Invalid input$/);
}
