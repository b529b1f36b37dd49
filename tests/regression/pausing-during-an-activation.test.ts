import { expect, test } from 'vitest';
import { fixture } from '../helpers/fixture.ts';
import { startService } from '../helpers/service.ts';

test.each([
  { what: 'activated', fixtureName: 'loads-slowly' },
  { what: 'installed and enabled by default', fixtureName: 'loads-slowly-by-default' },
])('a plugin that is being $what when plugins are paused does not run after it', async ({ fixtureName }) => {
  await using service = await startService();
  const isByDefault = fixtureName.endsWith('by-default');
  if (!isByDefault) await service.add(fixtureName, { activate: false });
  const starting = isByDefault
    ? service.call('POST', '/api/plugins', { path: fixture(fixtureName) })
    : service.call('POST', `/api/plugins/${fixtureName}/activate`);
  await service.until(async () =>
    (await service.plugins()).some(({ process }) => process.state === 'starting'),
  );
  await service.call('PATCH', '/api/settings', { pluginsPaused: true });
  await starting;
  expect((await service.plugin(fixtureName)).process).toMatchObject({ state: 'stopped', pid: null });
  await service.call('PATCH', '/api/settings', { pluginsPaused: false });
  expect(await service.plugin(fixtureName)).toMatchObject({
    status: 'active',
    enabled: true,
    process: { state: 'running' },
  });
});
