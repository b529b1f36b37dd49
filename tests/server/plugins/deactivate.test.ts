import { expect, test } from 'vitest';
import { act, install, runRequest } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { isAlive, numberInside } from '../../helpers/processes.ts';
import { startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

test('deactivate runs onDeactivate, ends the process and takes the hooks out', async () => {
  await using service = await startService();
  await service.add('logs-its-life');
  const before = await service.add('reports-process');
  expect((await act(service, 'reports-process', 'deactivate')).status).toBe(200);
  expect((await act(service, 'logs-its-life', 'deactivate')).status).toBe(200);
  expect(await isAlive(before.process.pid)).toBe(false);
  expect(await service.plugin('reports-process')).toMatchObject({
    status: 'inactive',
    enabled: false,
    process: { state: 'stopped', pid: null },
  });
  expect((await runRequest(service)).metadata).toEqual({});
  const lines = (await service.logs('logs-its-life')).map(({ text }) => text);
  expect(lines).toEqual([
    'onInstall logs-its-life 1.0.0',
    'onActivate logs-its-life 1.0.0',
    'onDeactivate logs-its-life 1.0.0',
  ]);
});

test('onDeactivate that throws is logged, and stops nothing', async () => {
  await using service = await startService();
  await service.add('throws-in-its-farewells');
  expect((await act(service, 'throws-in-its-farewells', 'deactivate')).status).toBe(200);
  expect(await service.plugin('throws-in-its-farewells')).toMatchObject({
    status: 'inactive',
    errorMessage: null,
  });
  const lines = await service.logs('throws-in-its-farewells');
  expect(lines).toContainEqual(
    expect.objectContaining({ stream: 'host', text: 'onDeactivate failed: I stay' }),
  );
});

test('a plugin in error is deactivated, and its error is taken back', async () => {
  await using service = await startService();
  await service.add('throws-at-load', { activate: false });
  await act(service, 'throws-at-load', 'activate');
  expect((await act(service, 'throws-at-load', 'deactivate')).status).toBe(200);
  expect(await service.plugin('throws-at-load')).toMatchObject({
    status: 'inactive',
    enabled: false,
    errorMessage: null,
  });
});

test('calls in flight are answered before the process ends', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  const source = `export async function onRequest() {
    console.log('entered');
    await new Promise((resolve) => setTimeout(resolve, 300));
    return { metadata: { done: true } };
  }`;
  await writePackage(folder.path, { name: 'slow', hooks: { onRequest: true } }, { 'index.js': source });
  await install(service, folder.path);
  await act(service, 'slow', 'activate');
  const underWay = runRequest(service);
  await service.until(async () => (await service.logs('slow')).some(({ text }) => text === 'entered'));
  expect((await act(service, 'slow', 'deactivate')).status).toBe(200);
  expect((await underWay).metadata).toEqual({ done: true });
});

test('restart gives the plugin a new process that answers', async () => {
  await using service = await startService();
  const before = await service.add('reports-process');
  expect((await act(service, 'reports-process', 'restart')).status).toBe(200);
  expect(await isAlive(before.process.pid)).toBe(false);
  const { pid } = (await service.plugin('reports-process')).process;
  expect(pid).not.toBe(before.process.pid);
  expect((await runRequest(service)).metadata).toMatchObject({ pid: await numberInside(pid) });
});
