import { expect, test } from 'vitest';
import { fixture } from '../../helpers/fixture.ts';
import { act, install, runRequest } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { startServiceProcess } from '../../helpers/service-process.ts';
import { smallDisk } from '../../helpers/small-disk.ts';
import { failToStart } from '../../helpers/start-script.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const env = { OMNIROUTE_AUTH_TOKEN: 'token' };

test('a plugins folder that becomes read-only refuses what it must with what to do, and nothing is lost', async () => {
  await using disk = await smallDisk(8);
  await using folder = await temporaryFolder();
  await using service = await startServiceProcess(disk.path, env, disk.prefix);
  const version = (number: string) =>
    writePackage(
      folder.path,
      { name: 'grows', version: number, hooks: { onRequest: true } },
      {
        'index.js': `export const onRequest = () => ({ metadata: { version: '${number}' } });`,
      },
    );
  await install(service, await version('1.0.0'));
  await act(service, 'grows', 'activate');
  await disk.freeze('plugins');
  const added = await install(service, fixture('appends-to-message'));
  expect(added).toMatchObject({ status: 422, error: { code: 'INSTALL_FAILED' } });
  const upgraded = await install(service, await version('2.0.0'));
  expect(upgraded).toMatchObject({ status: 422, error: { code: 'UPGRADE_FAILED' } });
  expect((await runRequest(service)).metadata).toMatchObject({ version: '1.0.0' });
  const removed = await act(service, 'grows', 'uninstall');
  expect(removed).toMatchObject({ status: 500, error: { code: 'INTERNAL' } });
  for (const { error } of [added, upgraded, removed])
    expect(error.message).toMatch(/cannot be written\. Make it and its disk writable/);

  await disk.thaw('plugins');
  expect((await act(service, 'grows', 'uninstall')).status).toBe(200);
  expect((await service.call('GET', '/api/plugins/grows')).status).toBe(404);
  expect((await install(service, await version('2.0.0'))).status).toBe(201);
});

test('a data directory that is read-only from the start is refused with what to do', async () => {
  await using disk = await smallDisk(8);
  await disk.freeze();
  const { code, stderr } = await failToStart(
    { ...env, HOME: disk.path, OMNIROUTE_DATA_DIR: disk.path },
    disk.prefix,
  );
  expect(code).toBe(1);
  expect(stderr).toMatch(/writable|may write to/);
  expect(stderr).toContain(disk.path);
  expect(stderr).not.toMatch(/^\s+at /m);
});
