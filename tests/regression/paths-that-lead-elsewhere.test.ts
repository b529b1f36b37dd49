import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ErrorBody } from '@omniroute/shared/error-code';
import { expect, test } from 'vitest';
import { startService } from '../helpers/service.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

test.each(['/proc', '/proc/self/environ', '/sys', '/dev/null', '/'])(
  'no plugin may list %s',
  async (listed) => {
    await using service = await startService();
    await using folder = await temporaryFolder();
    const activated = await activateWith(service, folder.path, listed);
    expect(activated).toMatchObject({ status: 422, body: { error: { code: 'ACTIVATION_FAILED' } } });
  },
);

test('no plugin may list a file of the data directory by way of a symlink, though it does not exist yet', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await symlink(service.dataDir, join(folder.path, 'link'));
  const activated = await activateWith(service, folder.path, join(folder.path, 'link', 'plugins', 'x.json'));
  expect(activated).toMatchObject({ status: 422, body: { error: { code: 'ACTIVATION_FAILED' } } });
});

async function activateWith(
  service: Awaited<ReturnType<typeof startService>>,
  folder: string,
  listed: string,
): Promise<{ status: number; body: ErrorBody }> {
  const path = join(folder, 'lists-a-path');
  const requires = { permissions: ['file-write'], paths: { write: [listed] } };
  await mkdir(path);
  await writeFile(
    join(path, 'plugin.json'),
    JSON.stringify({ name: 'lists-a-path', version: '1.0.0', requires }),
  );
  await writeFile(join(path, 'index.js'), '');
  expect((await service.call('POST', '/api/plugins', { path })).status).toBe(201);
  return service.call<ErrorBody>('POST', '/api/plugins/lists-a-path/activate');
}
