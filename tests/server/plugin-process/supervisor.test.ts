import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Health } from '@omniroute/shared/health';
import type { PluginDetail } from '@omniroute/shared/plugin';
import { describe, expect, test } from 'vitest';
import { fixture } from '../../helpers/fixture.ts';
import { act, install, runRequest } from '../../helpers/plugin-calls.ts';
import { addVariant } from '../../helpers/plugin-variant.ts';
import { isAlive, numberInside } from '../../helpers/processes.ts';
import { hostLines } from '../../helpers/recorded-calls.ts';
import { startServiceProcess } from '../../helpers/service-process.ts';
import { poll, type Service, startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const name = 'exits-when-told';

async function runningAfter(service: Service, before: PluginDetail): Promise<PluginDetail> {
  return service.until(async () => {
    const plugin = await service.plugin(before.name);
    return plugin.process.state === 'running' && plugin.process.pid !== before.process.pid && plugin;
  });
}

/** Kills the process as often as it takes for the plugin to be where `state` says. */
async function crashUntil(service: Service, state: 'failed' | 'restarting', atLeast = 1) {
  let crashes = 0;
  let killed: number | null = null;
  return service.until(async () => {
    const plugin = await service.plugin(name);
    const { process: child } = plugin;
    if (crashes >= atLeast && child.state === state && plugin.process.pid === null) {
      if (state === 'restarting' || plugin.status === 'error') return plugin;
    }
    if (child.state === 'running' && child.pid !== null && child.pid !== killed) {
      killed = child.pid;
      process.kill(child.pid, 'SIGKILL');
      crashes += 1;
    }
    return null;
  });
}

test('a plugin that crashes is started again, and answers its hooks as before', async () => {
  await using service = await startService();
  const before = await service.add(name);
  expect((await service.chat({ content: 'exit' })).status).toBe(200);
  const after = await runningAfter(service, before);
  expect(after).toMatchObject({
    status: 'active',
    enabled: true,
    errorMessage: null,
    activatedAt: before.activatedAt,
    process: { restarts: 1, lastExit: { code: 0, signal: null, fault: null }, faults: [] },
  });
  expect(after.process.lastExit?.reason).toContain('leaving as told');
  expect((await runRequest(service)).metadata).toEqual({
    pid: await numberInside(after.process.pid),
  });
  expect((await hostLines(service, name)).join('\n')).toContain('exited with code 0');
});

test('five crashes end in error with the reason and the last lines, and activate starts over', async () => {
  await using service = await startService();
  const before = await service.add(name);
  const failed = await service.until(async () => {
    await service.chat({ content: 'exit' });
    const plugin = await service.plugin(name);
    return plugin.status === 'error' && plugin;
  });
  expect(failed).toMatchObject({
    enabled: true,
    activatedAt: before.activatedAt,
    process: { state: 'failed', pid: null, restarts: 4 },
  });
  expect(failed.errorMessage).toMatch(/crashed 5 times within 10 minutes[^]*code 0[^]*leaving as told/);
  expect((await act(service, name, 'activate')).status).toBe(200);
  const active = await service.plugin(name);
  expect(active).toMatchObject({ status: 'active', errorMessage: null, process: { restarts: 0 } });
  await service.chat({ content: 'exit' });
  expect((await runningAfter(service, active)).process.restarts).toBe(1);
});

test('a plugin that writes nothing to stderr ends in error with the last lines of its log', async () => {
  await using service = await startService();
  await service.add(name);
  const plugin = await crashUntil(service, 'failed');
  expect(plugin.errorMessage).toMatch(/SIGKILL[^]*Last of its log:[^]*ended by SIGKILL/);
});

test('while it waits for its restart the API says so, and when', async () => {
  await using service = await startService();
  await service.add(name);
  await crashUntil(service, 'restarting', 3);
  const [summary] = await service.plugins();
  const { status, process: child } = await service.plugin(name);
  expect({ status, state: child.state }).toEqual({ status: 'active', state: 'restarting' });
  const inMs = Date.parse(child.nextRestartAt ?? '') - Date.now();
  expect(inMs).toBeGreaterThan(-500);
  expect(inMs).toBeLessThan(1_000);
  expect(summary?.process.nextRestartAt).toBeDefined();
  const { body } = await service.call<Health>('GET', '/api/health');
  expect(body.plugins).toMatchObject({ active: 1, restarting: 1, error: 0 });
});

test.each([
  ['closed', 503],
  ['open', 200],
])('while it waits for its restart a hook that fails %s answers %i at once', async (failure, status) => {
  await using service = await startService();
  await addVariant(service, name, { hooks: { onRequest: { failure } } });
  await crashUntil(service, 'restarting', 3);
  const startedAt = performance.now();
  const response = await service.chat();
  expect(performance.now() - startedAt).toBeLessThan(300);
  expect(response.status).toBe(status);
  if (status === 503) expect((await response.json()).error.code).toBe('PLUGIN_UNAVAILABLE');
  expect(await hostLines(service, name)).toContainEqual(
    expect.stringContaining(`onRequest failed (NOT_RUNNING, ${failure})`),
  );
});

describe('an operation that comes first', () => {
  test.each(['deactivate', 'uninstall'] as const)('%s cancels the restart', async (action) => {
    await using service = await startService();
    await service.add(name);
    await crashUntil(service, 'restarting', 2);
    expect((await act(service, name, action)).status).toBe(200);
    // Another one's first two waits last longer than the second one here.
    let bystander = await service.add('reports-process');
    for (let crash = 0; crash < 2; crash += 1) {
      process.kill(bystander.process.pid ?? 0, 'SIGKILL');
      bystander = await runningAfter(service, bystander);
    }
    const lines = service.log.filter((line) => line.includes('"plugin.restarted"') && line.includes(name));
    expect(lines).toHaveLength(1);
    if (action === 'deactivate')
      expect(await service.plugin(name)).toMatchObject({
        status: 'inactive',
        enabled: false,
        process: { state: 'stopped', pid: null },
      });
    else expect(await service.plugins()).toMatchObject([{ name: 'reports-process' }]);
  });

  test.each(['activate', 'restart'] as const)(
    '%s starts it now, and its crashes are forgotten',
    async (action) => {
      await using service = await startService();
      await service.add(name);
      await crashUntil(service, 'restarting', 3);
      expect((await act(service, name, action)).status).toBe(200);
      const plugin = await service.plugin(name);
      expect(plugin).toMatchObject({ status: 'active', process: { state: 'running', restarts: 0 } });
      process.kill(plugin.process.pid ?? 0, 'SIGKILL');
      expect((await runningAfter(service, plugin)).process.restarts).toBe(1);
    },
  );

  test('an upgrade starts the new version', async () => {
    await using service = await startService();
    await using folder = await temporaryFolder();
    await service.add(name);
    await crashUntil(service, 'restarting', 3);
    await writeFile(join(folder.path, 'plugin.json'), JSON.stringify({ name, version: '2.0.0' }));
    await writeFile(join(folder.path, 'index.js'), '');
    const { status } = await install(service, folder.path);
    expect(status).toBe(201);
    const plugin = await service.plugin(name);
    expect(plugin).toMatchObject({ version: '2.0.0', status: 'active', process: { state: 'running' } });
  });

  test('an upgrade that fails leaves it running as it was meant to', async () => {
    await using service = await startService();
    await using folder = await temporaryFolder();
    await service.add(name);
    await crashUntil(service, 'restarting', 3);
    const manifest = { name, version: '2.0.0', hooks: { onActivate: true } };
    await writeFile(join(folder.path, 'plugin.json'), JSON.stringify(manifest));
    await writeFile(join(folder.path, 'index.js'), 'export function onActivate() { throw new Error("no"); }');
    expect((await install(service, folder.path)).status).toBe(422);
    expect(await service.plugin(name)).toMatchObject({
      version: '1.0.0',
      status: 'active',
      process: { state: 'running' },
    });
  });

  test('a pause cancels it, and its end starts the plugin', async () => {
    await using service = await startService();
    await service.add(name);
    await crashUntil(service, 'restarting', 3);
    await service.call('PATCH', '/api/settings', { pluginsPaused: true });
    const paused = await service.plugin(name);
    expect(paused).toMatchObject({ status: 'inactive', enabled: true, process: { state: 'stopped' } });
    expect(paused.process.nextRestartAt).toBeUndefined();
    await service.call('PATCH', '/api/settings', { pluginsPaused: false });
    expect(await service.plugin(name)).toMatchObject({ status: 'active', process: { state: 'running' } });
  });
});

test('a restart that fails is one more crash: five of them end in error', async () => {
  await using service = await startService();
  const before = await service.add(name);
  const entry = join(service.dataDir, 'plugins', name, 'index.js');
  await writeFile(entry, 'console.error("spoiled on disk"); process.exit(9);');
  process.kill(before.process.pid ?? 0, 'SIGKILL');
  const failed = await service.until(async () => {
    const plugin = await service.plugin(name);
    return plugin.status === 'error' && plugin;
  });
  expect(failed).toMatchObject({
    enabled: true,
    process: { state: 'failed', restarts: 4, lastExit: { code: 9 } },
  });
  expect(failed.errorMessage).toMatch(/5 times[^]*spoiled on disk/);
});

test('a plugin that is mended on disk between two restarts runs again', async () => {
  await using service = await startService();
  const before = await service.add(name);
  const entry = join(service.dataDir, 'plugins', name, 'index.js');
  await writeFile(entry, 'throw new Error("spoiled on disk");');
  process.kill(before.process.pid ?? 0, 'SIGKILL');
  await service.until(async () => (await service.plugin(name)).process.restarts > 0);
  await writeFile(entry, 'export function onRequest() { return { metadata: { mended: true } }; }');
  await runningAfter(service, before);
  expect((await runRequest(service)).metadata).toEqual({ mended: true });
});

test.each<[what: string, reason: RegExp, spoil: (dir: string) => Promise<void>]>([
  ['a folder that is gone', /folder is gone/, (dir) => rm(dir, { recursive: true })],
  [
    'a manifest that is not valid',
    /plugin\.json/,
    (dir) => writeFile(join(dir, 'plugin.json'), '{"name": 1}'),
  ],
  [
    'a manifest that asks for more than was granted',
    /permission/,
    (dir) =>
      writeFile(
        join(dir, 'plugin.json'),
        JSON.stringify({ name, version: '1.0.0', requires: { permissions: ['env'] } }),
      ),
  ],
  [
    'an entry file that does not match its integrity',
    /integrity/,
    (dir) =>
      writeFile(
        join(dir, 'plugin.json'),
        JSON.stringify({ name, version: '1.0.0', integrity: `sha256-${'A'.repeat(43)}=` }),
      ),
  ],
])('%s ends the restarts at once', async (_what, reason, spoil) => {
  await using service = await startService();
  const before = await service.add(name);
  await spoil(join(service.dataDir, 'plugins', name));
  process.kill(before.process.pid ?? 0, 'SIGKILL');
  const plugin = await service.until(async () => {
    const found = await service.plugin(name);
    return found.status === 'error' && found;
  });
  expect(plugin).toMatchObject({ enabled: true, process: { state: 'failed', restarts: 1 } });
  expect(plugin.errorMessage).toMatch(reason);
});

test.each([
  ['forward', 3_600_000],
  ['back', -3_600_000],
])('a time of day that jumps %s between crashes makes no difference', async (_direction, jumpMs) => {
  let offsetMs = 0;
  await using service = await startService({ now: () => new Date(Date.now() + offsetMs) });
  const before = await service.add(name);
  process.kill(before.process.pid ?? 0, 'SIGKILL');
  await runningAfter(service, before);
  const { process: child } = await crashUntil(service, 'restarting', 2);
  offsetMs = jumpMs;
  const waiting = await service.plugin(name);
  expect(Date.parse(waiting.process.nextRestartAt ?? child.nextRestartAt ?? '')).toBeGreaterThan(0);
  await crashUntil(service, 'failed');
  expect((await service.plugin(name)).process.restarts).toBe(4);
});

test('a stop of the service does not wait for a restart', async () => {
  await using folder = await temporaryFolder();
  {
    await using service = await startService({ dataDir: folder.path });
    await service.add(name);
    await crashUntil(service, 'restarting', 4);
    const startedAt = performance.now();
    await service.app[Symbol.asyncDispose]();
    expect(performance.now() - startedAt).toBeLessThan(700);
  }
  await using service = await startService({ dataDir: folder.path });
  expect(await service.plugin(name)).toMatchObject({ status: 'active', process: { state: 'running' } });
});

test('a plugin that waits for its restart at kill -9 of the service runs after the next start', async () => {
  await using folder = await temporaryFolder();
  const read = async (service: { call: Service['call'] }) =>
    (await service.call<{ plugin: PluginDetail }>('GET', `/api/plugins/${name}`)).body.plugin;
  {
    await using crashed = await startServiceProcess(folder.path);
    await install(crashed, fixture(name));
    await act(crashed, name, 'activate');
    process.kill((await read(crashed)).process.pid ?? 0, 'SIGKILL');
    await poll(async () => {
      const { process: child } = await read(crashed);
      if (child.state === 'running' && child.pid && (await isAlive(child.pid)))
        process.kill(child.pid, 'SIGKILL');
      return child.state === 'restarting';
    });
    await crashed.end('SIGKILL');
  }
  await using service = await startServiceProcess(folder.path);
  const plugin = await read(service);
  expect(plugin).toMatchObject({ status: 'active', process: { state: 'running' } });
  expect((await runRequest(service)).metadata).toMatchObject({
    pid: await numberInside(plugin.process.pid),
  });
});
