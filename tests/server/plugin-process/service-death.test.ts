import type { LogLine, PluginDetail } from '@omniroute/shared/plugin';
import { expect, test } from 'vitest';
import { fixture } from '../../helpers/fixture.ts';
import { act, install, runRequest } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { descendantsOf, isAlive, leavesOf, processFacts } from '../../helpers/processes.ts';
import { startServiceProcess } from '../../helpers/service-process.ts';
import { poll } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

test.each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)(
  'no process of a plugin is left when the service gets %s, not even one in an endless loop',
  async (signal) => {
    await using folder = await temporaryFolder();
    await using looping = await temporaryFolder();
    await using service = await startServiceProcess(folder.path);
    const source = `export function onActivate() { setTimeout(() => { console.log('looping'); for (;;); }, 1); }`;
    await writePackage(looping.path, { name: 'loops', hooks: { onActivate: true } }, { 'index.js': source });
    for (const path of [fixture('reports-process'), fixture('appends-to-message'), looping.path]) {
      const { plugin } = await install(service, path);
      await act(service, plugin.name, 'activate');
    }
    await poll(async () => {
      const { body } = await service.call<{ lines: LogLine[] }>('GET', '/api/plugins/loops/logs');
      return body.lines.some(({ text }) => text === 'looping');
    });
    expect(await leavesOf(service.pid)).toHaveLength(3);
    const pids = await descendantsOf(service.pid);
    const code = await service.end(signal);
    expect(code).toBe(signal === 'SIGKILL' ? null : 0);
    await poll(async () => (await Promise.all(pids.map(isAlive))).every((alive) => !alive));
  },
);

test('each plugin is in a process group of its own, and holds no descriptor of the service', async () => {
  await using folder = await temporaryFolder();
  await using service = await startServiceProcess(folder.path);
  await install(service, fixture('reports-process'));
  await act(service, 'reports-process', 'activate');
  await runRequest(service);
  const { plugin } = (await service.call<{ plugin: PluginDetail }>('GET', '/api/plugins/reports-process'))
    .body;
  expect(await leavesOf(service.pid)).toEqual([plugin.process.pid]);
  const { descriptors: fds, group } = await processFacts(plugin.process.pid ?? 0);
  const { group: own } = await processFacts(service.pid);
  expect(group).not.toBe(own);
  expect(await descendantsOf(service.pid)).toContain(group);
  expect(fds['0']).toBe('/dev/null');
  for (const target of Object.values(fds)) expect(target).not.toContain(folder.path);
  const sockets = Object.entries(fds).filter(([, target]) => target.startsWith('socket:'));
  expect(sockets.map(([fd]) => fd)).toEqual(['1', '2', '3']);
});
