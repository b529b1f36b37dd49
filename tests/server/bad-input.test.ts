import { readFile } from 'node:fs/promises';
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
