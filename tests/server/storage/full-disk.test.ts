import type { PluginDetail } from '@omniroute/shared/plugin';
import type { ErrorBody } from '@omniroute/shared/error-code';
import { expect, test } from 'vitest';
import { fixture } from '../../helpers/fixture.ts';
import { act, install, runRequest } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { startServiceProcess, type ServiceProcess } from '../../helpers/service-process.ts';
import { type SmallDisk, smallDisk } from '../../helpers/small-disk.ts';
import { poll } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const start = (disk: SmallDisk) =>
  startServiceProcess(disk.path, { OMNIROUTE_AUTH_TOKEN: 'token' }, disk.prefix);

const detail = async (service: ServiceProcess, name: string) =>
  (await service.call<{ plugin: PluginDetail }>('GET', `/api/plugins/${name}`)).body.plugin;

const version = (dir: string, number: string) =>
  writePackage(
    dir,
    {
      name: 'grows',
      version: number,
      hooks: { onRequest: true },
      configSchema: { word: { type: 'string' } },
    },
    {
      'index.js': `export const onRequest = () => ({ metadata: { version: '${number}' } });`,
      'data.txt': 'x'.repeat(100_000),
    },
  );

test('on a full disk every change is refused with what to do, nothing is lost, and requests go on', async () => {
  await using disk = await smallDisk(8);
  await using folder = await temporaryFolder();
  await using service = await start(disk);
  await install(service, await version(folder.path, '1.0.0'));
  await act(service, 'grows', 'activate');
  await service.call('PUT', '/api/plugins/grows/config', { config: { word: 'one' } });
  const before = await detail(service, 'grows');
  await disk.fill();

  const added = await install(service, fixture('appends-to-message'));
  expect(added).toMatchObject({ status: 422, error: { code: 'INSTALL_FAILED' } });
  const upgraded = await install(service, await version(folder.path, '2.0.0'));
  expect(upgraded).toMatchObject({ status: 422, error: { code: 'UPGRADE_FAILED' } });
  const long = { config: { word: 'x'.repeat(50_000) } };
  const configured = await service.call<ErrorBody>('PUT', '/api/plugins/grows/config', long);
  expect(configured.status).toBe(500);
  for (const error of [added.error, upgraded.error, configured.body.error])
    expect(error.message).toMatch(/disk .* is full\. Free some space/);

  expect((await runRequest(service)).metadata).toMatchObject({ version: '1.0.0' });
  expect((await service.call('GET', '/api/plugins/appends-to-message')).status).toBe(404);
  expect(await detail(service, 'grows')).toMatchObject({
    version: '1.0.0',
    status: 'active',
    config: { word: 'one' },
    process: { pid: before.process.pid },
  });

  await disk.free();
  expect((await install(service, await version(folder.path, '2.0.0'), { keepConfig: true })).status).toBe(
    201,
  );
  expect(await detail(service, 'grows')).toMatchObject({
    version: '2.0.0',
    status: 'active',
    config: { word: 'one' },
  });
  expect((await install(service, fixture('appends-to-message'))).status).toBe(201);
});

test('a service that was killed on a full disk is whole again once there is space', async () => {
  await using disk = await smallDisk(8);
  await using folder = await temporaryFolder();
  {
    await using service = await start(disk);
    await install(service, await version(folder.path, '1.0.0'));
    await act(service, 'grows', 'activate');
    await disk.fill();
    await install(service, await version(folder.path, '2.0.0'));
    await service.end('SIGKILL');
  }
  await disk.free();
  await using service = await start(disk);
  expect(await detail(service, 'grows')).toMatchObject({ version: '1.0.0', status: 'active' });
  expect((await runRequest(service)).metadata).toMatchObject({ version: '1.0.0' });
  expect((await install(service, await version(folder.path, '2.0.0'))).status).toBe(201);
});

test('a plugin that crashes for good on a full disk is shown in error, though its row cannot say so', async () => {
  await using disk = await smallDisk(8);
  await using folder = await temporaryFolder();
  await using service = await start(disk);
  await writePackage(
    folder.path,
    { name: 'falls', hooks: { onActivate: true } },
    { 'index.js': `export function onActivate() { setTimeout(() => process.exit(3), 150); }` },
  );
  await install(service, folder.path);
  await act(service, 'falls', 'activate');
  await disk.fill();
  const shown = await poll(async () => {
    const plugin = await detail(service, 'falls');
    return plugin.status === 'error' && plugin;
  });
  expect(shown).toMatchObject({ enabled: true, process: { state: 'failed', pid: null } });
  expect(shown.errorMessage).toMatch(/crashed|ended for good/);
  const listed = await service.call<{ plugins: PluginDetail[] }>('GET', '/api/plugins?status=error');
  expect(listed.body.plugins.map(({ name }) => name)).toEqual(['falls']);
  const health = await service.call<{ plugins: object }>('GET', '/api/health');
  expect(health.body.plugins).toMatchObject({ active: 0, error: 1 });
});
