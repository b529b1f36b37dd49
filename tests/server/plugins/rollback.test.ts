import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { footprint, query } from '../../helpers/footprint.ts';
import { act, install, runRequest } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

interface More {
  manifest?: Record<string, unknown>;
  source?: string;
}

/** Version `version` of one plugin, which says its version and its config in the metadata. */
function write(dir: string, version: string, { manifest = {}, source = '' }: More = {}) {
  return writePackage(
    join(dir, version),
    {
      name: 'grows',
      version,
      hooks: { onRequest: true },
      configSchema: { limit: { type: 'number', default: 1 } },
      ...manifest,
    },
    {
      'index.js': `export const onRequest = ({ config }) => ({ metadata: { version: '${version}', limit: config.limit } });\n${source}`,
    },
  );
}

test('the previous version is back with its config, and runs', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  const first = await install(service, await write(folder.path, '1.0.0'));
  await act(service, 'grows', 'activate');
  await service.call('PUT', '/api/plugins/grows/config', { config: { limit: 7 } });
  await install(service, await write(folder.path, '2.0.0'));
  expect(await service.plugin('grows')).toMatchObject({ previousVersion: '1.0.0', config: {} });

  const { status, message } = await act(service, 'grows', 'rollback');
  expect({ status, message }).toEqual({ status: 200, message: expect.stringMatching(/1\.0\.0.*2\.0\.0/) });
  const plugin = await service.plugin('grows');
  expect(plugin).toMatchObject({
    id: first.plugin.id,
    version: '1.0.0',
    status: 'active',
    enabled: true,
    config: { limit: 7 },
    rolledBack: { from: '2.0.0', reason: 'the operator asked for it' },
  });
  expect(plugin.previousVersion).toBeUndefined();
  expect((await runRequest(service)).metadata).toEqual({ version: '1.0.0', limit: 7 });
  expect((await service.plugins())[0]?.rolledBack).toMatchObject({ from: '2.0.0' });
});

test('its own data is not rolled back', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  const manifest = { requires: { permissions: ['file-write'] } };
  await install(service, await write(folder.path, '1.0.0', { manifest }));
  await act(service, 'grows', 'activate');
  await install(service, await write(folder.path, '2.0.0', { manifest }));
  await writeFile(join(service.dataDir, 'plugin-data/grows/counter'), '2');
  await act(service, 'grows', 'rollback');
  expect((await footprint(service.dataDir)).files).toContain('plugin-data/grows/counter');
});

test('an inactive plugin stays inactive', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(service, await write(folder.path, '1.0.0'));
  await install(service, await write(folder.path, '2.0.0'));
  expect((await act(service, 'grows', 'rollback')).status).toBe(200);
  expect(await service.plugin('grows')).toMatchObject({
    version: '1.0.0',
    status: 'installed',
    enabled: false,
    process: { state: 'stopped' },
  });
});

test.each([
  ['was never upgraded', async () => {}],
  [
    'was rolled back already',
    async (service: Parameters<typeof act>[0], upgrade: () => Promise<unknown>) => {
      await upgrade();
      await act(service, 'grows', 'rollback');
    },
  ],
])('a plugin that %s has no version to go back to', async (_what, before) => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(service, await write(folder.path, '1.0.0'));
  await before(service, async () => install(service, await write(folder.path, '2.0.0')));
  const { status, error } = await act(service, 'grows', 'rollback');
  expect({ status, code: error.code }).toEqual({ status: 409, code: 'NO_PREVIOUS_VERSION' });
  expect(await service.plugin('grows')).toMatchObject({ version: '1.0.0' });
});

test('a plugin that is not there cannot be rolled back', async () => {
  await using service = await startService();
  expect((await act(service, 'grows', 'rollback')).status).toBe(404);
});

test('a previous version that does not start leaves the newer one as it was', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  const hooks = { onRequest: true, onActivate: true };
  const source = `import { existsSync } from 'node:fs'; import { join } from 'node:path';
    export function onActivate() {
      if (existsSync(join(process.env.PLUGIN_DATA_DIR, 'migrated'))) throw new Error('this data is too new');
    }`;
  const requires = { permissions: ['file-write'] };
  await install(service, await write(folder.path, '1.0.0', { manifest: { hooks, requires }, source }));
  await act(service, 'grows', 'activate');
  await install(service, await write(folder.path, '2.0.0', { manifest: { requires } }));
  await service.call('PUT', '/api/plugins/grows/config', { config: { limit: 9 } });
  await writeFile(join(service.dataDir, 'plugin-data/grows/migrated'), '');
  const before = await footprint(service.dataDir);

  const { status, error } = await act(service, 'grows', 'rollback');
  expect({ status, code: error.code }).toEqual({ status: 422, code: 'UPGRADE_FAILED' });
  expect(error.message).toMatch(/not changed to 1\.0\.0: .*too new\. 2\.0\.0 is back as it was/);
  expect(await service.plugin('grows')).toMatchObject({
    version: '2.0.0',
    status: 'active',
    config: { limit: 9 },
    previousVersion: '1.0.0',
  });
  expect((await runRequest(service)).metadata).toEqual({ version: '2.0.0', limit: 9 });
  const after = await footprint(service.dataDir);
  expect({ files: after.files, operations: after.operations }).toEqual({
    files: before.files,
    operations: [],
  });
});

test('a previous version whose files are damaged is refused, and nothing is stopped', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(service, await write(folder.path, '1.0.0'));
  await act(service, 'grows', 'activate');
  const { plugin } = await install(service, await write(folder.path, '2.0.0'));
  await rm(join(service.dataDir, 'plugins/.previous/grows/index.js'));
  expect((await act(service, 'grows', 'rollback')).status).toBe(422);
  expect((await service.plugin('grows')).process.pid).toBe(plugin.process.pid);
});

test('what was granted to the newer version goes with it', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(service, await write(folder.path, '1.0.0'));
  await act(service, 'grows', 'activate');
  const asking = { manifest: { requires: { permissions: ['env'], env: ['SECRET'] } } };
  await install(service, await write(folder.path, '2.0.0', asking), { permissions: ['env'] });
  await act(service, 'grows', 'rollback');
  expect(await service.plugin('grows')).toMatchObject({ permissions: [] });
  const again = await install(service, await write(folder.path, '3.0.0', asking));
  expect({ status: again.status, code: again.error.code }).toEqual({ status: 412, code: 'CONSENT_REQUIRED' });
});

test('what each version had is kept beside it', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(service, await write(folder.path, '1.0.0'));
  await install(service, await write(folder.path, '2.0.0'));
  await service.call('PUT', '/api/plugins/grows/config', { config: { limit: 5 } });
  await act(service, 'grows', 'rollback');
  const rows = query(service.dataDir, 'SELECT version, config, reason FROM plugin_versions ORDER BY rowid');
  expect(rows).toEqual([
    { version: '1.0.0', config: '{}', reason: 'upgrade' },
    { version: '2.0.0', config: '{"limit":5}', reason: 'the operator asked for it' },
  ]);
  await act(service, 'grows', 'uninstall');
  expect(query(service.dataDir, 'SELECT * FROM plugin_versions')).toEqual([]);
});

test('an upgrade ends what is said of an earlier rollback', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(service, await write(folder.path, '1.0.0'));
  await install(service, await write(folder.path, '2.0.0'));
  await act(service, 'grows', 'rollback');
  await install(service, await write(folder.path, '2.0.1'));
  const plugin = await service.plugin('grows');
  expect(plugin).toMatchObject({ version: '2.0.1', previousVersion: '1.0.0' });
  expect(plugin.rolledBack).toBeUndefined();
});

test.each([
  ['within its first ten minutes is taken back', 9, '1.0.0'],
  ['later stays, in error', 11, '2.0.0'],
])('a new version that does not come up after a start %s', async (_what, minutes, expected) => {
  await using folder = await temporaryFolder();
  await using data = await temporaryFolder();
  const clock = { now: new Date('2026-05-05T12:00:00Z') };
  const now = () => clock.now;
  {
    await using service = await startService({ dataDir: data.path, now });
    await install(service, await write(folder.path, '1.0.0'));
    await act(service, 'grows', 'activate');
    await service.call('PUT', '/api/plugins/grows/config', { config: { limit: 7 } });
    await install(service, await write(folder.path, '2.0.0'));
  }
  await writeFile(join(data.path, 'plugins/grows/index.js'), `throw new Error('the disk ate it');`);
  clock.now = new Date(clock.now.getTime() + minutes * 60_000);
  await using service = await startService({ dataDir: data.path, now });
  const plugin = await service.plugin('grows');
  expect(plugin.version).toBe(expected);
  if (expected === '1.0.0') {
    expect(plugin).toMatchObject({ status: 'active', config: { limit: 7 }, rolledBack: { from: '2.0.0' } });
    expect(plugin.rolledBack?.reason).toMatch(/the disk ate it/);
    expect((await service.logs('grows')).map(({ text }) => text).join('\n')).toMatch(
      /rolled back from 2\.0\.0 to 1\.0\.0.*the disk ate it/,
    );
  } else {
    expect(plugin).toMatchObject({ status: 'error', previousVersion: '1.0.0' });
    expect((await act(service, 'grows', 'rollback')).status).toBe(200);
    expect((await runRequest(service)).metadata).toEqual({ version: '1.0.0', limit: 7 });
  }
});

test('a new version that crashes into error is taken back by itself, and says why', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(service, await write(folder.path, '1.0.0'));
  await act(service, 'grows', 'activate');
  await service.call('PUT', '/api/plugins/grows/config', { config: { limit: 7 } });
  const late = `export function onActivate() { setTimeout(() => process.exit(3), 1); }`;
  const { status } = await install(
    service,
    await write(folder.path, '2.0.0', {
      manifest: { hooks: { onRequest: true, onActivate: true } },
      source: late,
    }),
  );
  expect(status).toBe(201);
  const plugin = await service.until(async () => {
    const now = await service.plugin('grows');
    return now.version === '1.0.0' && now.status === 'active' && now;
  });
  expect(plugin).toMatchObject({ config: { limit: 7 }, rolledBack: { from: '2.0.0' }, errorMessage: null });
  expect(plugin.rolledBack?.reason).toMatch(/5 .*exited with code 3/s);
  expect((await runRequest(service)).metadata).toEqual({ version: '1.0.0', limit: 7 });
});

test('where neither version comes up, the answer says so, and so does the plugin', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  const manifest = {
    hooks: { onRequest: true, onActivate: true },
    requires: { permissions: ['file-write'] },
  };
  const mark = `join(process.env.PLUGIN_DATA_DIR, 'migrated')`;
  const head = `import { existsSync, writeFileSync } from 'node:fs'; import { join } from 'node:path';`;
  const first = `${head} export function onActivate() { if (existsSync(${mark})) throw new Error('data too new'); }`;
  const second = `${head} export function onActivate() { writeFileSync(${mark}, ''); throw new Error('not today'); }`;
  await install(service, await write(folder.path, '1.0.0', { manifest, source: first }));
  await act(service, 'grows', 'activate');
  const { status, error } = await install(
    service,
    await write(folder.path, '2.0.0', { manifest, source: second }),
  );
  expect(status).toBe(422);
  expect(error.message).toMatch(/not today.*1\.0\.0 could not be brought back, either.*data too new/);
  expect(await service.plugin('grows')).toMatchObject({
    version: '1.0.0',
    status: 'error',
    errorMessage: expect.stringMatching(/data too new/),
  });
});

test('an automatic rollback that fails says both reasons, at once', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(service, await write(folder.path, '1.0.0'));
  await act(service, 'grows', 'activate');
  await install(
    service,
    await write(folder.path, '2.0.0', {
      manifest: { hooks: { onRequest: true, onActivate: true } },
      source: `export function onActivate() { setTimeout(() => process.exit(3), 1); }`,
    }),
  );
  await writeFile(join(service.dataDir, 'plugins/.previous/grows/index.js'), `throw new Error('rotten');`);
  const plugin = await service.until(async () => {
    const now = await service.plugin('grows');
    return now.status === 'error' && now.errorMessage?.includes('Going back') && now;
  });
  expect(plugin.version).toBe('2.0.0');
  expect(plugin.errorMessage).toMatch(/exited with code 3[^]*version before failed, too[^]*rotten/);
  expect(service.log.some((line) => line.includes('plugin.rollback-failed'))).toBe(true);
});
