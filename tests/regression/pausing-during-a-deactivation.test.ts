import { expect, test } from 'vitest';
import { startService } from '../helpers/service.ts';

test('pausing while a plugin is being deactivated does not bring its hooks back', async () => {
  await using service = await startService();
  await service.add('answers-slowly');
  const slow = service.chat({ content: 'slow' });
  await service.until(async () =>
    (await service.logs('answers-slowly')).some(({ text }) => text === 'started'),
  );
  const deactivating = service.call('POST', '/api/plugins/answers-slowly/deactivate');
  await service.call('PATCH', '/api/settings', { pluginsPaused: true });
  await service.call('PATCH', '/api/settings', { pluginsPaused: false });
  expect((await deactivating).status).toBe(200);
  expect((await slow).status).toBe(200);
  expect((await service.chat({ content: 'quick' })).status).toBe(200);
  expect((await service.logs('answers-slowly')).filter(({ stream }) => stream === 'host')).toEqual([]);
});
