import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startService } from '../helpers/service.ts';

test('activating a scanned plugin agrees to what the scan showed, not to what is on disk by then', async () => {
  await using service = await startService();
  const dir = join(service.dataDir, 'plugins', 'changes-its-mind');
  const write = (requires: object) =>
    writeFile(
      join(dir, 'plugin.json'),
      JSON.stringify({ name: 'changes-its-mind', version: '1.0.0', requires }),
    );
  await mkdir(dir);
  await writeFile(join(dir, 'index.js'), '');
  await write({});
  await service.call('POST', '/api/plugins/scan');
  await write({ permissions: ['file-write'] });
  const activated = await service.call('POST', '/api/plugins/changes-its-mind/activate');
  expect(activated).toMatchObject({ status: 412, body: { error: { code: 'CONSENT_REQUIRED' } } });
});
