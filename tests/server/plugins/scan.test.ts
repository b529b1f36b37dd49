import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ScanOutput } from '@omniroute/shared/plugin';
import { expect, test } from 'vitest';
import { footprint } from '../../helpers/footprint.ts';
import { act, runRequest } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

async function scan(service: Service) {
  const { status, body } = await service.call<ScanOutput>('POST', '/api/plugins/scan');
  return { status, ...body };
}

/** Puts a package under `<data>/plugins` by hand. */
function put(
  service: Service,
  folder: string,
  manifest: Record<string, unknown>,
  files?: Record<string, string>,
) {
  return writePackage(join(service.dataDir, 'plugins', folder), { name: folder, ...manifest }, files);
}

test('a scan of nothing finds nothing', async () => {
  await using service = await startService();
  expect(await scan(service)).toEqual({ status: 200, discovered: 0, errors: [] });
});

test('a scan registers what was put there by hand, and counts what it knew before', async () => {
  await using service = await startService();
  await service.add('appends-to-message');
  await put(service, 'by-hand', { description: 'put there' });
  expect(await scan(service)).toEqual({ status: 200, discovered: 2, errors: [] });
  expect(await service.plugin('by-hand')).toMatchObject({
    status: 'installed',
    enabled: false,
    description: 'put there',
  });
  expect(await service.plugin('appends-to-message')).toMatchObject({ status: 'active' });
  expect(await scan(service)).toEqual({ status: 200, discovered: 2, errors: [] });
});

test('a scan runs no code: no onInstall, no enabledByDefault', async () => {
  await using service = await startService();
  await put(
    service,
    'eager',
    { enabledByDefault: true, hooks: { onInstall: true, onRequest: true } },
    { 'index.js': `console.log('loaded'); export function onInstall() {} export function onRequest() {}` },
  );
  await scan(service);
  expect(await service.plugin('eager')).toMatchObject({ status: 'installed', enabled: false });
  expect(await service.logs('eager')).toEqual([]);
});

test('the first activate of a scanned plugin is the consent to what it asks for', async () => {
  await using service = await startService();
  await put(
    service,
    'asks',
    { hooks: { onRequest: true }, requires: { permissions: ['env'], env: ['EDITOR'] } },
    { 'index.js': 'export function onRequest() { return { metadata: { ok: true } }; }' },
  );
  await scan(service);
  expect((await footprint(service.dataDir)).grants).toEqual([]);
  expect((await act(service, 'asks', 'activate')).status).toBe(200);
  expect((await footprint(service.dataDir)).grants).toMatchObject([
    { permissions: '["env"]', env: '["EDITOR"]' },
  ]);
  expect((await runRequest(service)).metadata).toEqual({ ok: true });
  await put(service, 'asks', {
    hooks: { onRequest: true },
    requires: { permissions: ['env'], env: ['EDITOR', 'PAGER'] },
  });
  expect((await act(service, 'asks', 'restart')).status).toBe(412);
});

test('every folder that is no plugin is reported with its reason, and hides no other', async () => {
  await using service = await startService();
  await using elsewhere = await temporaryFolder();
  const plugins = join(service.dataDir, 'plugins');
  await put(service, 'good', {});
  await mkdir(join(plugins, 'empty'));
  await put(service, 'wrong-name', { name: 'another' });
  await put(service, 'bad-version', { version: '1' });
  await put(service, 'no-entry', { main: 'gone.js' });
  await put(service, 'Upper-Case', { name: 'lower' });
  await put(service, 'leaks', {});
  await symlink('/etc/hostname', join(plugins, 'leaks/link'));
  await writePackage(elsewhere.path, { name: 'linked' });
  await symlink(elsewhere.path, join(plugins, 'linked'));
  await writeFile(join(plugins, 'a-file'), '');
  const { discovered, errors } = await scan(service);
  expect(discovered).toBe(1);
  expect(Object.fromEntries(errors.map(({ name, error }) => [name, error]))).toEqual({
    'Upper-Case': expect.stringContaining('a-z'),
    'a-file': expect.stringContaining('folder'),
    'bad-version': expect.stringContaining('MAJOR.MINOR.PATCH'),
    empty: expect.stringContaining('plugin.json'),
    leaks: expect.stringContaining('outside'),
    linked: expect.stringContaining('folder'),
    'no-entry': expect.stringContaining('gone.js'),
    'wrong-name': expect.stringContaining('another'),
  });
  expect((await service.plugins()).map(({ name }) => name)).toEqual(['good']);
});

test('a plugin whose folder is gone is in error, and stopped', async () => {
  await using service = await startService();
  const { pluginDir } = await service.add('appends-to-message');
  await rm(pluginDir, { recursive: true });
  expect(await scan(service)).toEqual({ status: 200, discovered: 0, errors: [] });
  const plugin = await service.plugin('appends-to-message');
  expect(plugin).toMatchObject({ status: 'error', enabled: true, process: { pid: null } });
  expect(plugin.errorMessage).toContain('folder');
});
