import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fixture } from '../helpers/fixture.ts';
import { footprint } from '../helpers/footprint.ts';
import { poll, startService } from '../helpers/service.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

test('a service that stops while a plugin installs undoes the installation first', async () => {
  await using data = await temporaryFolder();
  const service = await startService({ dataDir: data.path });
  const installing = service
    .call('POST', '/api/plugins', { path: fixture('installs-slowly') })
    .catch(() => null);
  const log = join(data.path, 'logs', 'installs-slowly.log');
  await poll(async () => (await readFile(log, 'utf8').catch(() => '')).includes('installing'));
  await service[Symbol.asyncDispose]();
  await installing;
  expect(await footprint(data.path)).toMatchObject({ rows: [], operations: [] });
  expect(await readdir(join(data.path, 'plugins'))).toEqual(['.previous']);
});
