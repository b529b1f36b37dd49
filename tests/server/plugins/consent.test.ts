import { join } from 'node:path';
import { expect, test } from 'vitest';
import { act, install } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { isAlive } from '../../helpers/processes.ts';
import { startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const name = 'wants-more';
const agreed = {
  permissions: ['file-read', 'network', 'env'],
  paths: { read: ['/usr/share'] },
  hosts: ['api.example.com'],
  env: ['EDITOR'],
};

test.each([
  ['a permission', { permissions: [...agreed.permissions, 'exec'] }, { permissions: ['exec'] }],
  ['to write', { permissions: [...agreed.permissions, 'file-write'] }, { permissions: ['file-write'] }],
  ['a path to read', { paths: { read: ['/usr/share', '/etc'] } }, { readPaths: ['/etc'] }],
  ['a path above one', { paths: { read: ['/usr'] } }, { readPaths: ['/usr'] }],
  [
    'a path to write',
    { permissions: [...agreed.permissions, 'file-write'], paths: { read: [], write: ['/usr/share'] } },
    { writePaths: ['/usr/share'] },
  ],
  ['a host', { hosts: ['api.example.com', 'example.org'] }, { hosts: ['example.org'] }],
  ['any of its subdomains', { hosts: ['*.example.com'] }, { hosts: ['*.example.com'] }],
  ['a variable', { env: ['EDITOR', 'AWS_SECRET_ACCESS_KEY'] }, { env: ['AWS_SECRET_ACCESS_KEY'] }],
])('a plugin.json edited on disk to ask for %s does not get it', async (_what, more, difference) => {
  await using service = await startService({ env: { OMNIROUTE_PLUGINS_ALLOW_EXEC: '1' } });
  await using folder = await temporaryFolder();
  await writePackage(folder.path, { name, requires: agreed });
  await install(service, folder.path);
  expect((await act(service, name, 'activate')).status).toBe(200);
  const { pid } = (await service.plugin(name)).process;

  await writePackage(join(service.dataDir, 'plugins', name), { name, requires: { ...agreed, ...more } });
  const { status, error } = await act(service, name, 'restart');
  expect({ status, code: error.code }).toEqual({ status: 412, code: 'CONSENT_REQUIRED' });
  expect(error.details).toMatchObject(difference);
  expect(await service.plugin(name)).toMatchObject({ status: 'error', process: { pid: null } });
  expect(await isAlive(pid)).toBe(false);

  await writePackage(join(service.dataDir, 'plugins', name), { name, requires: agreed });
  expect((await act(service, name, 'activate')).status).toBe(200);
});
