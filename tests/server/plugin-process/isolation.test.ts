import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gapsOf, judge, levelOf } from '@omniroute/server/plugin-process/judge-canaries';
import { detectLayers } from '@omniroute/server/plugin-process/layers/compose';
import { findSandboxTools } from '@omniroute/server/plugin-process/layers/find-tools';
import type { SandboxTools } from '@omniroute/server/plugin-process/layers/layer';
import { canaries, type MachineIsolation } from '@omniroute/shared/isolation';
import { expect, test, vi } from 'vitest';
import { act, install, runRequest } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { processesOf } from '../../helpers/processes.ts';
import { withoutBubblewrap } from '../../helpers/sandbox-tools.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { type TemporaryFolder, temporaryFolder } from '../../helpers/temporary-folder.ts';

const name = 'reports-process';

async function machine(service: Service): Promise<MachineIsolation> {
  return (await service.call<MachineIsolation>('GET', '/api/isolation')).body;
}

async function probe(service: Service): Promise<MachineIsolation> {
  return (await service.call<MachineIsolation>('POST', '/api/isolation/probe')).body;
}

/** This machine with `script` in the place of bubblewrap. */
async function withBwrap(folder: TemporaryFolder, script: string): Promise<() => SandboxTools> {
  const bwrap = join(folder.path, 'bwrap');
  await writeFile(bwrap, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return () => ({ ...findSandboxTools(), bwrap });
}

test('level 3 is what the canaries could not do: under bubblewrap alone, and under all layers', async () => {
  await using service = await startService();
  const { level, layers, gaps, canaries: seen } = await machine(service);
  expect({ level, layers, gaps }).toEqual({
    level: 3,
    layers: ['installer', 'process', 'node', 'os'],
    gaps: [],
  });
  const results = Object.fromEntries(seen.map(({ under, results }) => [under, results]));
  expect(results['all']).toEqual(Object.fromEntries(canaries.map((canary) => [canary, 'stopped'])));
  // Neither layer is all there is to it.
  expect(results['Node permissions']).toMatchObject({ readFile: 'stopped', signal: 'worked' });
  expect(results['bubblewrap']).toMatchObject({ readFile: 'stopped', signal: 'stopped', spawn: 'worked' });
  expect((await service.add(name)).isolation).toMatchObject({ level: 3, layers });
});

test('without bubblewrap it is level 2, and what that lets pass is said', async () => {
  await using service = await startService({ findSandboxTools: withoutBubblewrap });
  const { level, layers, gaps } = await machine(service);
  expect({ level, layers }).toEqual({ level: 2, layers: ['installer', 'process', 'node'] });
  expect(gaps.join(' ')).toMatch(/bubblewrap is not installed.*signal other processes/);
  expect((await service.add(name)).isolation).toMatchObject({ level: 2 });
});

test.each([
  [
    'refuses to work',
    'echo "bwrap: setting up uid map: Permission denied" >&2; exit 1',
    'setting up uid map',
  ],
  ['does nothing', 'exit 0', 'it ended too soon'],
  ['is not the bubblewrap that is known here', 'echo "Unknown option $1" >&2; exit 1', 'Unknown option'],
  [
    'confines nothing',
    'while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
    'does not stop what it should',
  ],
])('a bubblewrap that %s is level 2 with the reason, and plugins run', async (_what, script, reason) => {
  await using folder = await temporaryFolder();
  await using service = await startService({ findSandboxTools: await withBwrap(folder, script) });
  const { level, gaps } = await machine(service);
  expect(level).toBe(2);
  expect(gaps[0]).toContain(reason);
  const plugin = await service.add(name);
  expect(plugin).toMatchObject({ status: 'active', isolation: { level: 2 } });
  expect(plugin.isolation.gaps).toEqual(expect.arrayContaining(gaps));
  expect((await runRequest(service)).metadata).toMatchObject({ pid: plugin.process.pid });
});

test('a bubblewrap that hangs holds the start up for seconds, not for ever', async () => {
  await using folder = await temporaryFolder();
  const startedAt = performance.now();
  await using service = await startService({ findSandboxTools: await withBwrap(folder, 'sleep 1000') });
  expect(performance.now() - startedAt).toBeLessThan(12_000);
  const { level, gaps } = await machine(service);
  expect(level).toBe(2);
  expect(gaps[0]).toContain('did not end within');
});

test('a layer that stops working shows as a lower level at the next start of a plugin, which is started', async () => {
  await using folder = await temporaryFolder();
  const broken = join(folder.path, 'broken');
  const script = `if [ -e ${broken} ]; then echo "bwrap: not today" >&2; exit 1; fi; exec /usr/bin/bwrap "$@"`;
  await using service = await startService({ findSandboxTools: await withBwrap(folder, script) });
  await service.add('appends-to-message');
  expect((await service.add(name)).isolation.level).toBe(3);
  await writeFile(broken, '');
  expect((await act(service, name, 'restart')).status).toBe(200);
  const after = await service.plugin(name);
  expect(after).toMatchObject({ status: 'active', process: { state: 'running', lastExit: { code: 0 } } });
  expect(after.isolation.level).toBe(2);
  expect(after.isolation.gaps[0]).toContain('not today');
  expect(await machine(service)).toMatchObject({ level: 2 });
  expect(service.log.join('\n')).toContain('isolation.lower');
  // What runs since before is as confined as it was.
  expect((await service.plugin('appends-to-message')).isolation.level).toBe(3);
});

test('a layer that stops working takes "exec" with it', async () => {
  await using folder = await temporaryFolder();
  await using plugin = await temporaryFolder();
  const broken = join(folder.path, 'broken');
  const script = `if [ -e ${broken} ]; then echo "bwrap: not today" >&2; exit 1; fi; exec /usr/bin/bwrap "$@"`;
  await using service = await startService({
    env: { OMNIROUTE_PLUGINS_ALLOW_EXEC: '1' },
    findSandboxTools: await withBwrap(folder, script),
  });
  await writePackage(plugin.path, { name: 'runs-programs', requires: { permissions: ['exec'] } });
  await install(service, plugin.path);
  expect((await act(service, 'runs-programs', 'activate')).status).toBe(200);
  await writeFile(broken, '');
  const { status, error } = await act(service, 'runs-programs', 'restart');
  expect({ status, code: error.code }).toEqual({ status: 422, code: 'ISOLATION_UNAVAILABLE' });
  expect(await service.plugin('runs-programs')).toMatchObject({ status: 'error', process: { pid: null } });
});

test('a bubblewrap that is removed while the service runs lowers the level, and stops no plugin', async () => {
  await using folder = await temporaryFolder();
  const { bwrap, ...others } = (await withBwrap(folder, 'exec /usr/bin/bwrap "$@"'))();
  await using service = await startService({
    findSandboxTools: () => ({ ...others, bwrap: bwrap !== null && existsSync(bwrap) ? bwrap : null }),
  });
  expect((await service.add(name)).isolation.level).toBe(3);
  await rm(join(folder.path, 'bwrap'));
  expect((await act(service, name, 'restart')).status).toBe(200);
  const { status, isolation } = await service.plugin(name);
  expect({ status, level: isolation.level }).toEqual({ status: 'active', level: 2 });
  expect(isolation.gaps[0]).toContain('bubblewrap is not installed');
});

test('a check on request finds a layer that works again; a plugin that runs has it after a restart', async () => {
  let tools = withoutBubblewrap();
  await using service = await startService({ findSandboxTools: () => tools });
  await service.add(name);
  tools = findSandboxTools();
  expect(await machine(service)).toMatchObject({ level: 2 });
  expect(await probe(service)).toMatchObject({ level: 3 });
  expect(await machine(service)).toMatchObject({ level: 3 });
  const before = await service.plugin(name);
  expect(before.isolation).toMatchObject({ level: 2 });
  expect(before.isolation.gaps[0]).toContain('restart it');
  await act(service, name, 'restart');
  const after = await service.plugin(name);
  expect(after.isolation).toMatchObject({ level: 3 });
  expect(after.isolation.gaps.join(' ')).not.toContain('restart it');
});

test('whoever watches is told to read the plugins again when a check has run', async () => {
  await using service = await startService();
  await service.add(name);
  const input = encodeURIComponent(JSON.stringify({ topics: ['plugins'] }));
  const leaving = new AbortController();
  const stream = await fetch(`${service.url}/trpc/events.stream?input=${input}`, {
    headers: { authorization: `Bearer ${service.token}` },
    signal: leaving.signal,
  });
  const chunks = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const reads = async (pattern: RegExp) => {
    while (!pattern.test(text)) text += (await chunks?.read())?.value ?? '';
  };
  await reads(/connected/);
  await probe(service);
  await reads(new RegExp(`"name":"${name}"`));
  leaving.abort();
});

test('a machine that cannot be checked is level 1 and says so, and plugins run', async () => {
  await using folder = await temporaryFolder();
  vi.stubEnv('TMPDIR', join(folder.path, 'missing'));
  const service = await startService({ dataDir: folder.path, findSandboxTools }).finally(() =>
    vi.unstubAllEnvs(),
  );
  await using _ = service;
  const { level, gaps, canaries: seen } = await machine(service);
  expect({ level, seen }).toEqual({ level: 1, seen: [] });
  expect(gaps.join(' ')).toContain('not known');
  expect(await service.add(name)).toMatchObject({ status: 'active', isolation: { level: 1 } });
});

test('nothing of a check is left', async () => {
  await using folder = await temporaryFolder();
  vi.stubEnv('TMPDIR', folder.path);
  await using service = await startService({ findSandboxTools });
  await probe(service).finally(() => vi.unstubAllEnvs());
  const left = (await readdir(folder.path)).filter((entry) => entry.startsWith('omniroute-canary-'));
  expect(left).toEqual([]);
  expect(await processesOf(join(folder.path, 'omniroute-canary-'))).toEqual([]);
});

test('what was not seen to work unconfined is unknown, not stopped, and lowers the level', () => {
  const [node] = detectLayers({ setpriv: null, prlimit: null, bwrap: null }).flatMap(
    ({ layer }) => layer ?? [],
  );
  if (node === undefined) throw new Error('no layer');
  const nothing = { worked: new Set<never>(), failure: null };
  const reached = { worked: new Set(canaries), failure: null };
  const unreachable = {
    worked: new Set(canaries.filter((canary) => canary !== 'connectTcp')),
    failure: null,
  };
  const sound = judge(reached, nothing, node.name);
  expect(levelOf([{ layer: node, verdict: sound }], null)).toBe(2);
  const doubtful = judge(unreachable, nothing, node.name);
  expect(doubtful.results).toMatchObject({ connectTcp: 'unknown', readFile: 'stopped' });
  expect(levelOf([{ layer: node, verdict: doubtful }], null)).toBe(1);
  expect(gapsOf(doubtful)).toEqual([expect.stringContaining('Not known')]);
  const cutShort = judge(reached, { worked: new Set<never>(), failure: 'it ended too soon' }, node.name);
  expect(new Set(Object.values(cutShort.results))).toEqual(new Set(['unknown']));
});
