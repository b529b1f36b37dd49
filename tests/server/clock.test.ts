import { expect, test } from 'vitest';
import { fixture } from '../helpers/fixture.ts';
import { act, install, runRequest } from '../helpers/plugin-calls.ts';
import { writePackage } from '../helpers/plugin-package.ts';
import { numberInside } from '../helpers/processes.ts';
import { startService } from '../helpers/service.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const year = 365 * 24 * 3_600_000;

test.each([
  ['forward', year],
  ['back', -year],
])('a clock set %s by a year stops no plugin, no request and no operation', async (_direction, jumpMs) => {
  await using folder = await temporaryFolder();
  let offsetMs = 0;
  const now = () => new Date(Date.now() + offsetMs);
  {
    await using service = await startService({ dataDir: folder.path, now });
    const before = await service.add('reports-process');
    await service.add('has-every-config-type');
    offsetMs = jumpMs;
    expect((await service.chat()).status).toBe(200);
    expect((await runRequest(service)).metadata).toMatchObject({
      pid: await numberInside(before.process.pid),
    });
    expect(await service.plugin('reports-process')).toMatchObject({ status: 'active', version: '1.0.0' });
    const config = { text: 'after it' };
    expect((await service.call('PUT', '/api/plugins/has-every-config-type/config', { config })).status).toBe(
      200,
    );
    expect((await act(service, 'reports-process', 'restart')).status).toBe(200);
    expect((await install(service, fixture('appends-to-message'))).status).toBe(201);
    expect((await act(service, 'appends-to-message', 'activate')).status).toBe(200);
    expect((await (await service.chat()).json()).choices[0].message.content).toBe('hello (seen)');
  }
  await using service = await startService({ dataDir: folder.path, now });
  expect(service.app.plugins).toEqual({ active: 3, enabled: 3 });
  expect((await service.plugin('has-every-config-type')).config).toEqual({ text: 'after it' });
});

test('a version that was new before the clock was set back is not taken back for a crash', async () => {
  await using data = await temporaryFolder();
  await using folder = await temporaryFolder();
  let offsetMs = 0;
  const now = () => new Date(Date.now() + offsetMs);
  const write = (version: string, source: string) =>
    writePackage(folder.path, { name: 'grows', version, hooks: { onRequest: true } }, { 'index.js': source });
  const works = 'export const onRequest = () => {};';
  await using service = await startService({ dataDir: data.path, now });
  await install(service, await write('1.0.0', works));
  await act(service, 'grows', 'activate');
  await install(service, await write('2.0.0', works));
  offsetMs = -year;
  // Paused and resumed with an entry that does not load: what starts by itself may be rescued.
  await service.call('PATCH', '/api/settings', { pluginsPaused: true });
  await writePackage(
    `${data.path}/plugins/grows`,
    { name: 'grows', version: '2.0.0', hooks: { onRequest: true } },
    {
      'index.js': `throw new Error('spoiled');`,
    },
  );
  await service.call('PATCH', '/api/settings', { pluginsPaused: false });
  expect(await service.plugin('grows')).toMatchObject({
    version: '2.0.0',
    status: 'error',
    previousVersion: '1.0.0',
  });
});
