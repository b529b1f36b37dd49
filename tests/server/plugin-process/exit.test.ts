import { expect, test } from 'vitest';
import { act, runRequest } from '../../helpers/plugin-calls.ts';
import { isAlive, numberInside } from '../../helpers/processes.ts';
import { type Service, startService } from '../../helpers/service.ts';

/** The plugin once its process `pid` has ended. */
function ended(service: Service, name: string, pid: number | null) {
  return service.until(async () => {
    const plugin = await service.plugin(name);
    return plugin.process.lastExit !== null && plugin.process.pid !== pid && plugin;
  });
}

function runningAgain(service: Service, name: string, pid: number | null) {
  return service.until(async () => {
    const plugin = await service.plugin(name);
    return plugin.process.state === 'running' && plugin.process.pid !== pid && plugin;
  });
}

test('an unexpected exit is kept: the code, the last of stderr, and the wish to have it enabled', async () => {
  await using service = await startService();
  const { process: child } = await service.add('complains-and-exits');
  expect((await service.chat()).status).toBe(200);
  const plugin = await ended(service, 'complains-and-exits', child.pid);
  expect(plugin).toMatchObject({
    enabled: true,
    status: 'active',
    process: { lastExit: { code: 7, signal: null, fault: null } },
  });
  expect(plugin.process.lastExit?.reason).toMatch(/code 7[^]*the last words/);
});

test('an error that nobody caught is in the reason, however deep its stack', async () => {
  await using service = await startService();
  const { process: child } = await service.add('throws-uncaught-from-deep');
  await service.chat();
  const plugin = await ended(service, 'throws-uncaught-from-deep', child.pid);
  expect(plugin.process.lastExit?.reason).toMatch(/code 1[^]*Error: lost in the deep/);
});

test('a process that is killed from outside is started again, and the signal is kept', async () => {
  await using service = await startService();
  const before = await service.add('reports-process');
  process.kill(before.process.pid ?? 0, 'SIGKILL');
  const after = await runningAgain(service, 'reports-process', before.process.pid);
  expect(after).toMatchObject({
    status: 'active',
    enabled: true,
    process: { restarts: 1, lastExit: { code: null, signal: 'SIGKILL' } },
  });
  expect((await runRequest(service)).metadata).toMatchObject({
    pid: await numberInside(after.process.pid),
  });
});

test('a busy loop does not answer the ping: the process is killed with the reason, and started again', async () => {
  await using service = await startService();
  const { process: child } = await service.add('loops-forever');
  const response = await service.chat({ content: 'hello' });
  expect((await response.json()).choices[0].message.content).toBe('hello');
  const plugin = await runningAgain(service, 'loops-forever', child.pid);
  expect(plugin).toMatchObject({
    status: 'active',
    process: {
      restarts: 1,
      lastExit: { fault: 'UNRESPONSIVE' },
      faults: [{ fault: 'UNRESPONSIVE', count: 1 }],
    },
  });
  expect(plugin.process.lastExit?.reason).toContain('ping');
  expect(await isAlive(child.pid)).toBe(false);
});

test('five timeouts in a row stop the process, which is started again; four do not', async () => {
  await using service = await startService();
  const { process: child } = await service.add('never-answers');
  for (let call = 0; call < 4; call += 1) await runRequest(service);
  expect(await service.plugin('never-answers')).toMatchObject({
    status: 'active',
    process: { pid: child.pid },
  });
  await runRequest(service);
  const plugin = await runningAgain(service, 'never-answers', child.pid);
  expect(plugin).toMatchObject({ enabled: true, process: { lastExit: { fault: 'UNRESPONSIVE' } } });
  expect(plugin.process.lastExit?.reason).toContain('5 calls in a row');
  expect(await isAlive(child.pid)).toBe(false);
});

test('calls in flight are settled as soon as their process is given up, not when it has gone', async () => {
  await using service = await startService();
  await service.add('outlives-its-end');
  const held = runRequest(service, { messages: [{ content: 'hold' }] });
  await service.until(async () =>
    (await service.logs('outlives-its-end')).some(({ text }) => text === 'holding'),
  );
  const spoiledAt = performance.now();
  const spoiling = runRequest(service, { messages: [{ content: 'spoil' }] });
  await held;
  expect(performance.now() - spoiledAt).toBeLessThan(400);
  await spoiling;
  const lines = (await service.logs('outlives-its-end')).map(({ text }) => text);
  expect(lines.filter((text) => text.startsWith('onRequest failed (EXITED'))).toHaveLength(2);
});

test('an answer that was written before the exit counts', async () => {
  await using service = await startService();
  const { process: child } = await service.add('answers-and-exits');
  expect((await runRequest(service)).metadata).toEqual({ answered: true });
  const plugin = await ended(service, 'answers-and-exits', child.pid);
  expect(plugin.process.lastExit).toMatchObject({ code: 5, fault: null });
});

test('a plugin that has crashed can be deactivated, and is not started again', async () => {
  await using service = await startService();
  const { process: child } = await service.add('complains-and-exits');
  await service.chat();
  await ended(service, 'complains-and-exits', child.pid);
  expect((await act(service, 'complains-and-exits', 'deactivate')).status).toBe(200);
  expect(await service.plugin('complains-and-exits')).toMatchObject({
    status: 'inactive',
    enabled: false,
    process: { state: 'stopped' },
  });
});
