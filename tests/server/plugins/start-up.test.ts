import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Health } from '@omniroute/shared/health';
import type { PluginDetail } from '@omniroute/shared/plugin';
import { expect, test } from 'vitest';
import { fixture } from '../../helpers/fixture.ts';
import { footprint } from '../../helpers/footprint.ts';
import { act, install, runRequest } from '../../helpers/plugin-calls.ts';
import { isAlive, numberInside } from '../../helpers/processes.ts';
import { startServiceProcess } from '../../helpers/service-process.ts';
import { startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

test('what was active before a restart runs after it, and what was not does not', async () => {
  await using folder = await temporaryFolder();
  {
    await using service = await startService({ dataDir: folder.path });
    await service.add('reports-process');
    await service.add('appends-to-message');
    await act(service, 'appends-to-message', 'deactivate');
    await service.add('logs-its-life', { activate: false });
  }
  await using service = await startService({ dataDir: folder.path });
  const { pid } = (await service.plugin('reports-process')).process;
  expect((await runRequest(service)).metadata).toMatchObject({ pid: await numberInside(pid) });
  expect((await service.plugins()).map(({ name, status, enabled }) => [name, status, enabled])).toEqual([
    ['appends-to-message', 'inactive', false],
    ['logs-its-life', 'installed', false],
    ['reports-process', 'active', true],
  ]);
});

test('what was active before kill -9 runs after the next start', async () => {
  await using folder = await temporaryFolder();
  let before: PluginDetail;
  {
    await using crashed = await startServiceProcess(folder.path);
    await install(crashed, fixture('reports-process'));
    await act(crashed, 'reports-process', 'activate');
    before = (await crashed.call<{ plugin: PluginDetail }>('GET', '/api/plugins/reports-process')).body
      .plugin;
    await crashed.end('SIGKILL');
  }
  await using service = await startServiceProcess(folder.path);
  const { plugin } = (await service.call<{ plugin: PluginDetail }>('GET', '/api/plugins/reports-process'))
    .body;
  expect(plugin).toMatchObject({ status: 'active', enabled: true, process: { state: 'running' } });
  expect(plugin.process.pid).not.toBe(before.process.pid);
  expect((await runRequest(service)).metadata).toMatchObject({
    pid: await numberInside(plugin.process.pid),
  });
  expect(await isAlive(before.process.pid)).toBe(false);
});

test('a plugin that does not start ends in error, keeps its wish, and stops nobody else', async () => {
  await using folder = await temporaryFolder();
  {
    await using service = await startService({ dataDir: folder.path });
    await service.add('reports-process');
    await service.add('appends-to-message');
  }
  await writeFile(join(folder.path, 'plugins/appends-to-message/index.js'), 'throw new Error("spoiled");');
  await using service = await startService({ dataDir: folder.path });
  expect(service.app.plugins).toEqual({ active: 1, enabled: 2 });
  const failed = await service.plugin('appends-to-message');
  expect(failed).toMatchObject({ status: 'error', enabled: true, process: { pid: null } });
  expect(failed.errorMessage).toContain('spoiled');
  expect(await service.plugin('reports-process')).toMatchObject({ status: 'active' });
  expect((await service.chat()).status).toBe(200);
});

test('a failed plugin that is mended runs after the next start', async () => {
  await using folder = await temporaryFolder();
  const entry = join(folder.path, 'plugins/appends-to-message/index.js');
  {
    await using service = await startService({ dataDir: folder.path });
    await service.add('appends-to-message');
  }
  await writeFile(entry, 'throw new Error("spoiled");');
  await (await startService({ dataDir: folder.path }))[Symbol.asyncDispose]();
  await writeFile(entry, 'export function onRequest() {}');
  await using service = await startService({ dataDir: folder.path });
  expect(await service.plugin('appends-to-message')).toMatchObject({ status: 'active', errorMessage: null });
});

test('safe mode runs no plugin, says so, and forgets no wish', async () => {
  await using folder = await temporaryFolder();
  {
    await using service = await startService({ dataDir: folder.path });
    await service.add('reports-process');
  }
  {
    await using safe = await startService({ dataDir: folder.path, env: { OMNIROUTE_SAFE_MODE: '1' } });
    expect((await safe.call<Health>('GET', '/api/health')).body).toMatchObject({
      safeMode: true,
      plugins: { active: 0 },
    });
    expect(await safe.plugin('reports-process')).toMatchObject({
      status: 'inactive',
      enabled: true,
      process: { state: 'stopped', pid: null },
    });
    const { status, error } = await act(safe, 'reports-process', 'activate');
    expect({ status, code: error.code }).toEqual({ status: 422, code: 'ACTIVATION_FAILED' });
    expect((await runRequest(safe)).metadata).toEqual({});
  }
  await using service = await startService({ dataDir: folder.path });
  expect(await service.plugin('reports-process')).toMatchObject({ status: 'active', enabled: true });
});

test('pausing plugins stops their processes, and ending the pause starts them', async () => {
  await using service = await startService();
  const { process } = await service.add('reports-process');
  expect((await service.call('PATCH', '/api/settings', { pluginsPaused: true })).status).toBe(200);
  expect(await isAlive(process.pid)).toBe(false);
  expect(await service.plugin('reports-process')).toMatchObject({ status: 'inactive', enabled: true });
  expect((await service.call<Health>('GET', '/api/health')).body).toMatchObject({ safeMode: true });
  expect((await service.call('PATCH', '/api/settings', { pluginsPaused: false })).status).toBe(200);
  const plugin = await service.plugin('reports-process');
  expect(plugin).toMatchObject({ status: 'active', enabled: true });
  expect((await runRequest(service)).metadata).toMatchObject({
    pid: await numberInside(plugin.process.pid),
  });
});

test('a pause outlives a restart of the service', async () => {
  await using folder = await temporaryFolder();
  {
    await using service = await startService({ dataDir: folder.path });
    await service.add('reports-process');
    await service.call('PATCH', '/api/settings', { pluginsPaused: true });
  }
  await using service = await startService({ dataDir: folder.path });
  expect(await service.plugin('reports-process')).toMatchObject({
    status: 'inactive',
    enabled: true,
    process: { pid: null },
  });
});

test('installing works while plugins are paused, but for code that would have to run', async () => {
  await using service = await startService({ env: { OMNIROUTE_SAFE_MODE: '1' } });
  const eager = await install(service, fixture('enabled-by-default'));
  expect(eager).toMatchObject({ status: 201, plugin: { status: 'installed', enabled: false } });
  expect(eager.warning).toContain('paused');
  const before = await footprint(service.dataDir);
  const { status, error } = await install(service, fixture('logs-its-life'));
  expect({ status, code: error.code }).toEqual({ status: 422, code: 'INSTALL_FAILED' });
  expect(await footprint(service.dataDir)).toEqual(before);
});
