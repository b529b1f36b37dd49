import { expect, test } from 'vitest';
import { act, runRequest } from '../../helpers/plugin-calls.ts';
import { isAlive } from '../../helpers/processes.ts';
import { type Service, startService } from '../../helpers/service.ts';

function failed(service: Service, name: string) {
  return service.until(async () => {
    const plugin = await service.plugin(name);
    return plugin.status === 'error' && plugin;
  });
}

test('an unexpected exit is kept: the code, the last of stderr, and the wish to have it enabled', async () => {
  await using service = await startService();
  await service.add('complains-and-exits');
  expect((await service.chat()).status).toBe(200);
  const plugin = await failed(service, 'complains-and-exits');
  expect(plugin).toMatchObject({
    enabled: true,
    process: { state: 'failed', pid: null, lastExit: { code: 7, signal: null } },
  });
  expect(plugin.errorMessage).toMatch(/code 7[^]*the last words/);
});

test('an error that nobody caught is in the error message, however deep its stack', async () => {
  await using service = await startService();
  await service.add('throws-uncaught-from-deep');
  await service.chat();
  const plugin = await failed(service, 'throws-uncaught-from-deep');
  expect(plugin.errorMessage).toMatch(/code 1[^]*Error: lost in the deep/);
});

test('a process that is killed from outside is in error with the signal, and activate starts it again', async () => {
  await using service = await startService();
  const before = await service.add('reports-process');
  process.kill(before.process.pid ?? 0, 'SIGKILL');
  const plugin = await failed(service, 'reports-process');
  expect(plugin).toMatchObject({ enabled: true, process: { lastExit: { code: null, signal: 'SIGKILL' } } });
  expect(plugin.errorMessage).toContain('SIGKILL');
  expect((await act(service, 'reports-process', 'activate')).status).toBe(200);
  const after = await service.plugin('reports-process');
  expect(after).toMatchObject({ status: 'active', errorMessage: null });
  expect((await runRequest(service)).metadata).toMatchObject({ pid: after.process.pid });
});

test('a busy loop does not answer the ping: the process is stopped, with the reason', async () => {
  await using service = await startService();
  const { process: child } = await service.add('loops-forever');
  const response = await service.chat({ content: 'hello' });
  expect((await response.json()).choices[0].message.content).toBe('hello');
  const plugin = await failed(service, 'loops-forever');
  expect(plugin).toMatchObject({ enabled: true, process: { state: 'failed', pid: null } });
  expect(plugin.errorMessage).toContain('ping');
  expect(await isAlive(child.pid)).toBe(false);
});

test('five timeouts in a row stop the process; four do not', async () => {
  await using service = await startService();
  const { process: child } = await service.add('never-answers');
  for (let call = 0; call < 4; call += 1) await runRequest(service);
  expect(await service.plugin('never-answers')).toMatchObject({
    status: 'active',
    process: { pid: child.pid },
  });
  await runRequest(service);
  const plugin = await failed(service, 'never-answers');
  expect(plugin).toMatchObject({ enabled: true });
  expect(plugin.errorMessage).toContain('5 calls in a row');
  expect(await isAlive(child.pid)).toBe(false);
});

test('a plugin that has crashed can be deactivated, and is not started again', async () => {
  await using service = await startService();
  await service.add('complains-and-exits');
  await service.chat();
  await failed(service, 'complains-and-exits');
  expect((await act(service, 'complains-and-exits', 'deactivate')).status).toBe(200);
  expect(await service.plugin('complains-and-exits')).toMatchObject({ status: 'inactive', enabled: false });
});
