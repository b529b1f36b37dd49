import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fixture } from '../helpers/fixture.ts';
import { startService } from '../helpers/service.ts';

test('an upgrade makes the folder of previous versions anew, and the plugin goes on running', async () => {
  await using service = await startService();
  await service.add('appends-to-message');
  await rm(join(service.dataDir, 'plugins', '.previous'), { recursive: true });
  const path = fixture('appends-to-message');
  expect((await service.call('POST', '/api/plugins', { path, replace: true })).status).toBe(201);
  expect(await service.plugin('appends-to-message')).toMatchObject({
    status: 'active',
    process: { state: 'running' },
  });
});
