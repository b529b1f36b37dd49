import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { operationSteps } from '@omniroute/server/plugins/operation';
import { expect, test } from 'vitest';
import { footprint } from '../../helpers/footprint.ts';
import { lockAtStep, lockDatabase } from '../../helpers/lock-at-step.ts';
import { act, install, runRequest } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const databaseWaitMs = 30;

/** A guard that fails closed, of the given version: a request that it does not see is answered 503. */
function guard(dir: string, version: string) {
  return writePackage(
    join(dir, version),
    {
      name: 'guards',
      version,
      hooks: { onRequest: { failure: 'closed' }, onActivate: true, onUninstall: true },
      configSchema: { limit: { type: 'number', default: 1 } },
    },
    {
      'index.js': `export const onRequest = ({ config }) => ({ metadata: { version: '${version}', limit: config.limit } });
        export const onActivate = () => {};
        export const onUninstall = () => {};`,
    },
  );
}

async function versionOnDisk(service: Service, folder: string): Promise<string | null> {
  const file = join(service.dataDir, 'plugins', folder, 'plugin.json');
  return existsSync(file) ? JSON.parse(await readFile(file, 'utf8')).version : null;
}

/** The plugin is one whole version, runs and guards, and nothing is left over. */
async function expectWhole(
  service: Service,
  versions: Record<string, { limit: number; previous: string | null }>,
) {
  const plugin = await service.plugin('guards');
  expect(Object.keys(versions)).toContain(plugin.version);
  const { limit, previous } = versions[plugin.version] ?? { limit: 0, previous: null };
  expect(plugin).toMatchObject({ status: 'active', enabled: true, process: { state: 'running' } });
  expect((await runRequest(service)).metadata).toEqual({ version: plugin.version, limit });
  expect(await versionOnDisk(service, 'guards')).toBe(plugin.version);
  expect(await versionOnDisk(service, '.previous/guards')).toBe(previous);
  const { operations, files } = await footprint(service.dataDir);
  expect(operations).toEqual([]);
  expect(files.filter((file) => /\.(staging|trash)-/.test(file))).toEqual([]);
}

/** Whatever has happened, a request either meets the guard or is refused for it. */
async function expectGuarded(service: Service) {
  const { status } = await service.chat();
  if (status === 503) return;
  expect(status).toBe(200);
  expect((await runRequest(service)).metadata).toHaveProperty('version');
}

test.each(operationSteps.upgrade.filter((step) => step !== 'cleaned'))(
  'an upgrade during which the database is locked, from the step "%s" on, loses no version and no guard',
  async (step) => {
    await using service = await startService({ databaseWaitMs });
    await using folder = await temporaryFolder();
    await install(service, await guard(folder.path, '1.0.0'));
    await act(service, 'guards', 'activate');
    await install(service, await guard(folder.path, '1.5.0'));
    await service.call('PUT', '/api/plugins/guards/config', { config: { limit: 7 } });
    const next = await guard(folder.path, '2.0.0');
    {
      using lock = lockAtStep(service, 'upgrade', step);
      await install(service, next);
      expect(lock.reached).toBe(true);
      await expectGuarded(service);
    }
    await act(service, 'guards', 'activate');
    await expectWhole(service, {
      '1.5.0': { limit: 7, previous: '1.0.0' },
      '2.0.0': { limit: 1, previous: '1.5.0' },
    });
  },
);

test.each(operationSteps.rollback.filter((step) => step !== 'cleaned'))(
  'a rollback during which the database is locked, from the step "%s" on, loses no version and no guard',
  async (step) => {
    await using service = await startService({ databaseWaitMs });
    await using folder = await temporaryFolder();
    await install(service, await guard(folder.path, '1.0.0'));
    await act(service, 'guards', 'activate');
    await service.call('PUT', '/api/plugins/guards/config', { config: { limit: 7 } });
    await install(service, await guard(folder.path, '2.0.0'));
    {
      using lock = lockAtStep(service, 'rollback', step);
      await act(service, 'guards', 'rollback');
      expect(lock.reached).toBe(true);
      await expectGuarded(service);
    }
    await act(service, 'guards', 'activate');
    await expectWhole(service, {
      '1.0.0': { limit: 7, previous: null },
      '2.0.0': { limit: 1, previous: '1.0.0' },
    });
  },
);

test.each(operationSteps.install.filter((step) => step !== 'cleaned'))(
  'an installation during which the database is locked, from the step "%s" on, can be made again',
  async (step) => {
    await using service = await startService({ databaseWaitMs });
    await using folder = await temporaryFolder();
    const source = await guard(folder.path, '1.0.0');
    {
      using lock = lockAtStep(service, 'install', step);
      await install(service, source);
      expect(lock.reached).toBe(true);
    }
    await install(service, source);
    expect((await act(service, 'guards', 'activate')).status).toBe(200);
    await expectWhole(service, { '1.0.0': { limit: 1, previous: null } });
  },
);

test.each(operationSteps.uninstall.filter((step) => step !== 'cleaned'))(
  'an uninstallation during which the database is locked, from the step "%s" on, is finished by the next one',
  async (step) => {
    await using service = await startService({ databaseWaitMs });
    await using folder = await temporaryFolder();
    await install(service, await guard(folder.path, '1.0.0'));
    await act(service, 'guards', 'activate');
    {
      using lock = lockAtStep(service, 'uninstall', step);
      await act(service, 'guards', 'uninstall');
      expect(lock.reached).toBe(true);
    }
    expect((await act(service, 'guards', 'uninstall')).status).toBeOneOf([200, 404]);
    expect((await service.call('GET', '/api/plugins/guards')).status).toBe(404);
    expect((await service.chat()).status).toBe(200);
    const { rows, operations, files } = await footprint(service.dataDir);
    expect({ rows, operations }).toEqual({ rows: [], operations: [] });
    expect(files.filter((file) => file.includes('guards'))).toEqual([]);
  },
);

test('an upgrade whose new version has started when the database is locked leaves no process of it under the old row', async () => {
  await using service = await startService({ databaseWaitMs });
  await using folder = await temporaryFolder();
  await install(service, await guard(folder.path, '1.0.0'));
  await act(service, 'guards', 'activate');
  const next = await guard(folder.path, '2.0.0');
  {
    using lock = lockAtStep(service, 'activate', 'saved');
    await install(service, next);
    expect(lock.reached).toBe(true);
    await expectGuarded(service);
  }
  await act(service, 'guards', 'activate');
  await expectWhole(service, {
    '1.0.0': { limit: 1, previous: null },
    '2.0.0': { limit: 1, previous: '1.0.0' },
  });
});

test('an uninstallation that pausing and resuming finish leaves no guard behind', async () => {
  await using service = await startService({ databaseWaitMs });
  await using folder = await temporaryFolder();
  await install(service, await guard(folder.path, '1.0.0'));
  await act(service, 'guards', 'activate');
  {
    using _ = lockAtStep(service, 'uninstall', 'begun');
    expect((await act(service, 'guards', 'uninstall')).status).toBe(500);
  }
  for (const pluginsPaused of [true, false]) await service.call('PATCH', '/api/settings', { pluginsPaused });
  expect(await service.plugins()).toEqual([]);
  expect((await service.chat()).status).toBe(200);
});

test.each(['deactivate', 'restart'] as const)(
  'while the database is locked, %s is refused and the plugin goes on as it was',
  async (action) => {
    await using service = await startService({ databaseWaitMs });
    await using folder = await temporaryFolder();
    await install(service, await guard(folder.path, '1.0.0'));
    await act(service, 'guards', 'activate');
    const before = await service.plugin('guards');
    {
      using _ = lockDatabase(service.dataDir);
      expect((await act(service, 'guards', action)).status).toBe(500);
    }
    expect(await service.plugin('guards')).toMatchObject({
      status: 'active',
      process: { pid: before.process.pid },
    });
    expect((await runRequest(service)).metadata).toHaveProperty('version', '1.0.0');
  },
);

test('a start on a locked database takes no new version back', async () => {
  await using data = await temporaryFolder();
  await using folder = await temporaryFolder();
  {
    await using service = await startService({ dataDir: data.path });
    await install(service, await guard(folder.path, '1.0.0'));
    await act(service, 'guards', 'activate');
    await install(service, await guard(folder.path, '2.0.0'));
    await service.call('PATCH', '/api/settings', { pluginsPaused: true });
    {
      using _ = lockDatabase(service.dataDir);
      await service.call('PATCH', '/api/settings', { pluginsPaused: false });
    }
    await service.call('PATCH', '/api/settings', { pluginsPaused: false });
  }
  await using service = await startService({ dataDir: data.path, databaseWaitMs });
  expect(await service.plugin('guards')).toMatchObject({ version: '2.0.0', status: 'active' });
});
