import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { fixture } from '../helpers/fixture.ts';
import { startService } from '../helpers/service.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

test('a row that cannot be read is a plugin in error, and stops nobody else', async () => {
  await using data = await temporaryFolder();
  {
    await using service = await startService({ dataDir: data.path });
    await service.add('appends-to-message');
    await service.add('sets-metadata');
  }
  const database = new Database(join(data.path, 'omniroute.sqlite'));
  database.prepare("UPDATE plugins SET hooks = '{', manifest = '{}' WHERE name = 'sets-metadata'").run();
  database.close();

  await using service = await startService({ dataDir: data.path });
  expect((await service.plugin('appends-to-message')).status).toBe('active');
  expect((await service.plugins()).map(({ name, status }) => [name, status])).toContainEqual([
    'sets-metadata',
    'active',
  ]);
  await service.call('POST', '/api/plugins/sets-metadata/deactivate');
  expect(
    (await service.call('POST', '/api/plugins', { path: fixture('sets-metadata'), replace: true })).status,
  ).toBe(201);
});
