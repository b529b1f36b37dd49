import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fixture } from '../../helpers/fixture.ts';
import { footprint } from '../../helpers/footprint.ts';
import { install } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

test('onInstall reaches the plugin that is being installed, and no other', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await service.add('logs-its-life');
  const source = `export function onInstall({ name }) { console.log('onInstall', name); }`;
  await writePackage(folder.path, { name: 'newcomer', hooks: { onInstall: true } }, { 'index.js': source });
  expect((await install(service, folder.path)).status).toBe(201);
  const said = async (name: string) =>
    (await service.logs(name)).filter(({ text }) => text.startsWith('onInstall')).map(({ text }) => text);
  expect(await said('newcomer')).toEqual(['onInstall newcomer']);
  expect(await said('logs-its-life')).toEqual(['onInstall logs-its-life 1.0.0']);
});

test('the process of onInstall is gone when the install answers', async () => {
  await using service = await startService();
  await service.add('logs-its-life', { activate: false });
  expect(await service.plugin('logs-its-life')).toMatchObject({
    status: 'installed',
    process: { state: 'stopped', pid: null },
  });
});

test('onInstall that throws fails the install, and nothing remains', async () => {
  await using service = await startService();
  const before = await footprint(service.dataDir);
  const { status, error } = await install(service, fixture('throws-in-on-install'));
  expect({ status, code: error.code }).toEqual({ status: 422, code: 'INSTALL_FAILED' });
  expect(error.message).toContain('wrong machine');
  expect(await footprint(service.dataDir)).toEqual(before);
  expect((await service.call('GET', '/api/plugins/throws-in-on-install')).status).toBe(404);
});

test('a plugin with onInstall that does not load is not installed', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await writePackage(
    folder.path,
    { name: 'broken', hooks: { onInstall: true } },
    { 'index.js': 'throw new Error("x")' },
  );
  const before = await footprint(service.dataDir);
  const { status, error } = await install(service, folder.path);
  expect({ status, code: error.code }).toEqual({ status: 422, code: 'INSTALL_FAILED' });
  expect(await footprint(service.dataDir)).toEqual(before);
});

test('enabledByDefault activates at install', async () => {
  await using service = await startService();
  const { status, plugin } = await install(service, fixture('enabled-by-default'));
  expect(status).toBe(201);
  expect(plugin).toMatchObject({
    status: 'active',
    enabled: true,
    process: { state: 'running', pid: expect.any(Number) },
  });
});

test('enabledByDefault that does not start is installed, in error, with a warning', async () => {
  await using service = await startService();
  const { status, plugin, warning } = await install(service, fixture('enabled-by-default-but-broken'));
  expect(status).toBe(201);
  expect(plugin).toMatchObject({ status: 'error', enabled: false, process: { pid: null } });
  expect(plugin.errorMessage).toContain('broken on purpose');
  expect(warning).toContain('broken on purpose');
});

test('an unknown hook that is switched off is a warning', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await writePackage(folder.path, {
    name: 'foreign',
    hooks: { onTeapot: false, onRender: { enabled: false } },
  });
  const { status, warning } = await install(service, folder.path);
  expect(status).toBe(201);
  expect(warning).toContain('onTeapot');
  expect(warning).not.toContain('onRender');
});

test('an unknown hook that is switched on is an error, naming the hooks there are', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await writePackage(folder.path, { name: 'foreign', hooks: { onTeapot: true } });
  const { status, error } = await install(service, folder.path);
  expect({ status, code: error.code }).toEqual({ status: 400, code: 'INVALID_MANIFEST' });
  expect(error.message).toMatch(/onTeapot.*onRequest/);
});

test('a hook that this version does not call yet is a warning', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await writePackage(
    folder.path,
    { name: 'early', hooks: { onStreamChunk: true } },
    { 'index.js': 'export function onStreamChunk() {}' },
  );
  const { status, warning } = await install(service, folder.path);
  expect(status).toBe(201);
  expect(warning).toContain('onStreamChunk');
});

test('a plugin for another version of the API is refused, naming both', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await writePackage(folder.path, { name: 'from-the-future', requires: { omniroute: '>=99.1.0' } });
  const { status, error } = await install(service, folder.path);
  expect({ status, code: error.code }).toEqual({ status: 400, code: 'INVALID_MANIFEST' });
  expect(error.message).toMatch(/>=99\.1\.0.*3\.8\.24/);
});

test('of two installs of one plugin at the same time one wins, and the other is told so', async () => {
  await using service = await startService();
  const answers = await Promise.all(
    Array.from({ length: 4 }, () => install(service, fixture('appends-to-message'))),
  );
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409, 409]);
  expect(new Set(answers.flatMap(({ error }) => (error ? [error.code] : [])))).toEqual(
    new Set(['VERSION_NOT_NEWER']),
  );
  const { rows, operations } = await footprint(service.dataDir);
  expect({ rows: rows.length, operations }).toEqual({ rows: 1, operations: [] });
  expect(await readdir(join(service.dataDir, 'plugins'))).toEqual(['.previous', 'appends-to-message']);
});

test('different plugins are installed side by side', async () => {
  await using service = await startService();
  const names = ['appends-to-message', 'rewrites-body', 'logs-its-life', 'enabled-by-default'];
  const answers = await Promise.all(names.map((name) => install(service, fixture(name))));
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
  expect((await service.plugins()).map(({ name }) => name)).toEqual(names.toSorted());
});

test('a folder of that name that nobody registered is left alone', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await writePackage(join(service.dataDir, 'plugins/taken'), { name: 'taken', version: '9.9.9' });
  await writePackage(folder.path, { name: 'taken' });
  const before = await footprint(service.dataDir);
  const { status, error } = await install(service, folder.path);
  expect({ status, code: error.code }).toEqual({ status: 422, code: 'INSTALL_FAILED' });
  expect(error.message).toContain('Scan');
  expect(await footprint(service.dataDir)).toEqual(before);
});
