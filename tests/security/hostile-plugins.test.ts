import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { getPriority, setPriority } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findSandboxTools } from '@omniroute/server/plugin-process/layers/find-tools';
import type { PipelineRequestOutput } from '@omniroute/shared/pipeline';
import type { PluginDetail } from '@omniroute/shared/plugin';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { act, install } from '../helpers/plugin-calls.ts';
import { descendantsOf, isAlive, processesOf } from '../helpers/processes.ts';
import { withoutBubblewrap } from '../helpers/sandbox-tools.ts';
import { type Service, startService } from '../helpers/service.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/temporary-folder.ts';

const megabyte = 1024 * 1024;

function hostile(name: string): string {
  return fileURLToPath(new URL(`../fixtures/hostile-plugins/${name}`, import.meta.url));
}

async function start(service: Service, name: string): Promise<PluginDetail> {
  const installed = await install(service, hostile(name));
  if (installed.error) throw new Error(installed.error.message);
  const activated = await act(service, name, 'activate');
  if (activated.error) throw new Error(activated.error.message);
  return service.plugin(name);
}

/** Runs the attack of the plugin that is active, and says what of it worked. */
async function runAttack(service: Service, targets: Record<string, unknown>): Promise<string[]> {
  const { body } = await service.call<{ result: { data: PipelineRequestOutput } }>(
    'POST',
    '/trpc/pipeline.request',
    { body: {}, metadata: { targets } },
  );
  const attack = (body.result.data.metadata.attack ?? {}) as Record<string, { succeeded: boolean }>;
  return Object.entries(attack).flatMap(([what, { succeeded }]) => (succeeded ? [what] : []));
}

/** A process of this user that waits, until it is signalled or disposed of. */
function startVictim(): Disposable & { pid: number } {
  const child = spawn('/bin/sh', ['-c', 'read line'], { stdio: ['pipe', 'ignore', 'ignore'] });
  return { pid: child.pid ?? 0, [Symbol.dispose]: () => child.kill('SIGKILL') };
}

async function expectHealthy(service: Service): Promise<void> {
  const response = await service.chat({ content: 'still there?' });
  expect(response.status).toBe(200);
  expect((await response.json()).choices[0].message.content).toBe('still there?');
}

describe.each([
  [3, findSandboxTools],
  [2, withoutBubblewrap],
])('what a plugin tries and must not get at level %s', (level, findSandboxTools) => {
  let service: Service;
  let outside: TemporaryFolder;
  let targets: Record<string, unknown>;
  const reached: string[] = [];
  const server = createServer((request, response) => {
    reached.push(`${request.method} ${request.url}`);
    response.end('export default 1');
  }).on('connection', () => reached.push('a connection'));

  beforeAll(async () => {
    service = await startService({
      findSandboxTools,
      env: { OMNIROUTE_PLUGINS_ALLOW_EXEC: '1' },
    });
    outside = await temporaryFolder();
    targets = await plantTargets(outside.path, service.dataDir);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, '127.0.0.1', resolve);
    await promise;
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    Object.assign(targets, { tcpPort: port, httpUrl: `http://127.0.0.1:${port}` });
  });

  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await service[Symbol.asyncDispose]();
    await outside[Symbol.asyncDispose]();
  });

  test.each<[string, string[]]>([
    ['exec-spawn', []],
    ['fd-exhaust', existsSync('/usr/bin/prlimit') ? [] : ['fds']],
    ['fs-fd-metadata', []],
    ['fs-read-sibling', []],
    ['fs-symlink-create', []],
    ['fs-write-outside', []],
    ['inspector', []],
    // Code that is there already, and whether a file exists: neither adds authority.
    ['module-outside', ['import_data', 'resolve_probe', 'find_package_json', 'register_hooks']],
    ['net-connect', []],
    ['permission-api', ['has', 'keys']],
    ['process-binding', ['constructor_escape']],
    ['sqlite-files', []],
  ])('%s', async (name, harmless) => {
    const before = await snapshot(outside.path);
    const { process: child } = await start(service, name);
    const { body } = await service.call<{ result: { data: PipelineRequestOutput } }>(
      'POST',
      '/trpc/pipeline.request',
      {
        body: {},
        metadata: { targets: { ...targets, dataDir: join(service.dataDir, 'plugin-data', name) } },
      },
    );
    const attack = body.result.data.metadata.attack as Record<string, { succeeded: boolean }>;
    const succeeded = Object.entries(attack).flatMap(([what, outcome]) => (outcome.succeeded ? [what] : []));
    expect(Object.keys(attack).length).toBeGreaterThan(0);
    expect(succeeded.filter((what) => !harmless.includes(what))).toEqual([]);
    expect(await snapshot(outside.path)).toEqual(before);
    expect(reached).toEqual([]);
    await expectHealthy(service);
    await act(service, name, 'uninstall');
    expect(await isAlive(child.pid)).toBe(false);
  });

  test('signal-parent', async () => {
    using victim = startVictim();
    using other = startVictim();
    let signals = 0;
    const onSignal = () => (signals += 1);
    process.on('SIGUSR2', onSignal);
    const priority = getPriority();
    const { isolation } = await start(service, 'signal-parent');
    const attack = await runAttack(service, { victimPid: victim.pid, usr1VictimPid: other.pid });
    const [isVictimAlive, isOtherAlive] = await Promise.all([isAlive(victim.pid), isAlive(other.pid)]);
    const seen = { isVictimAlive, isOtherAlive, reniced: getPriority() !== priority };
    // Only root may raise a priority again.
    if (process.getuid?.() === 0) setPriority(priority);
    process.off('SIGUSR2', onSignal);
    await act(service, 'signal-parent', 'uninstall');
    const harmless = ['kill0_parent', 'usr2_parent', 'renice_parent', 'setuid', 'abort_ok'];
    if (level === 3) {
      // Its parent is the first process of its own sandbox.
      expect(attack.filter((what) => !harmless.includes(what))).toEqual([]);
      expect(seen).toEqual({ isVictimAlive: true, isOtherAlive: true, reniced: false });
      expect(signals).toBe(0);
    } else {
      // Not stopped, and so it is said.
      expect(seen.isVictimAlive).toBe(false);
      expect(isolation.gaps.join(' ')).toContain('signal other processes');
    }
    await expectHealthy(service);
  });

  test('exec-granted-escape', async () => {
    using victim = startVictim();
    await install(service, hostile('exec-granted-escape'));
    const activated = await act(service, 'exec-granted-escape', 'activate');
    if (level === 3) {
      expect(activated.status).toBe(200);
      const before = await snapshot(outside.path);
      expect(await runAttack(service, { ...targets, victimPid: victim.pid })).toEqual([]);
      expect(await snapshot(outside.path)).toEqual(before);
      expect(reached).toEqual([]);
    } else {
      expect(activated.error.code).toBe('ISOLATION_UNAVAILABLE');
    }
    await act(service, 'exec-granted-escape', 'uninstall');
    await expectHealthy(service);
  });

  test('orphan-doublefork', async () => {
    await install(service, hostile('orphan-doublefork'));
    const { status } = await act(service, 'orphan-doublefork', 'activate');
    expect(status).toBe(level === 3 ? 200 : 422);
    if (level === 3) {
      const { process: child } = await service.plugin('orphan-doublefork');
      await runAttack(service, {});
      const orphans = await service.until(async () => {
        const around = await descendantsOf(process.pid);
        const found = (await processesOf('sleep\u000061.7')).filter((pid) => around.includes(pid));
        return found.length > 0 && found;
      });
      await act(service, 'orphan-doublefork', 'deactivate');
      await service.until(async () =>
        (await Promise.all([child.pid, ...orphans].map(isAlive))).every((alive) => !alive),
      );
    }
    await act(service, 'orphan-doublefork', 'uninstall');
  });
});

test('disk-fill: its data folder is full long before the disk is, and the plugin stops', async () => {
  await using service = await startService();
  await start(service, 'disk-fill');
  const dataDir = join(service.dataDir, 'plugin-data/disk-fill');
  await runAttack(service, { dataDir });
  const plugin = await service.until(async () => {
    const found = await service.plugin('disk-fill');
    return found.status === 'error' && found;
  });
  // It writes without a pause: the ping can come before the measure, and the folder is too full for a restart then.
  expect(['DATA_QUOTA', 'UNRESPONSIVE']).toContain(plugin.process.lastExit?.fault);
  expect(plugin.errorMessage).toContain('data folder');
  expect(plugin.isolation.gaps.join(' ')).toContain('grow beyond its limit');
  await expectHealthy(service);
});

describe('what a plugin does to itself', () => {
  test.each([
    ['dos-atomics-wait', 'ping', ['UNRESPONSIVE']],
    ['dos-microtasks', /ping|SIGABRT/, ['UNRESPONSIVE', 'MEMORY_LIMIT']],
    ['dos-heap', 'SIGABRT', ['MEMORY_LIMIT']],
    ['exit-abort', 'SIGABRT', [null]],
    ['exit-in-hook', 'code 0', [null]],
    ['ipc-no-newline', 'protocol fault', ['FRAME_SIZE']],
    ['native-code', 'SIGTRAP', [null]],
  ])('%s ends its process and nothing else', async (name, reason, faults) => {
    await using service = await startService();
    const rss = process.memoryUsage().rss;
    const { process: child } = await start(service, name);
    await expectHealthy(service);
    const plugin = await service.until(async () => {
      const found = await service.plugin(name);
      return found.process.lastExit !== null && found;
    });
    expect(plugin).toMatchObject({ enabled: true });
    expect(plugin.process.lastExit?.reason).toMatch(reason);
    expect(faults).toContain(plugin.process.lastExit?.fault);
    expect(await isAlive(child.pid)).toBe(false);
    await expectHealthy(service);
    expect(process.memoryUsage().rss - rss).toBeLessThan(250 * megabyte);
    const left = await readdir(service.dataDir, { recursive: true });
    expect(left.filter((path) => /(^|\/)(core(\.\d+)?|.*\.heapsnapshot|report\..*)$/.test(path))).toEqual([]);
  });

  test('exit-at-load is not active', async () => {
    await using service = await startService();
    await install(service, hostile('exit-at-load'));
    expect((await act(service, 'exit-at-load', 'activate')).status).toBe(422);
    await expectHealthy(service);
  });

  test.runIf(existsSync('/usr/bin/prlimit'))('dos-buffers gets no more memory than its limit', async () => {
    await using service = await startService();
    const { process: child } = await start(service, 'dos-buffers');
    await expectHealthy(service);
    const { status, process: now } = await service.plugin('dos-buffers');
    expect(status === 'error' || (now.memoryBytes ?? 0) < 800 * megabyte).toBe(true);
    await act(service, 'dos-buffers', 'uninstall');
    expect(await isAlive(child.pid)).toBe(false);
  });

  test('hook-bad-returns: each is refused or ignored, and the requests go on', async () => {
    await using service = await startService();
    await start(service, 'hook-bad-returns');
    for (let call = 0; call < 14; call += 1) await expectHealthy(service);
    expect(await service.plugin('hook-bad-returns')).toMatchObject({ status: 'active' });
    const failures = (await service.logs('hook-bad-returns')).filter(({ text }) =>
      text.includes('INVALID_RETURN'),
    );
    expect(failures.length).toBeGreaterThan(0);
  });

  test('ipc-proto-pollution reaches no prototype', async () => {
    await using service = await startService();
    await start(service, 'ipc-proto-pollution');
    const response = await service.chat({ content: 'hello' });
    expect(response.status).toBeLessThan(500);
    for (const key of ['polluted', 'isAdmin']) expect(Reflect.has({}, key)).toBe(false);
  });

  test('redos-host: a megabyte of metadata is refused', async () => {
    await using service = await startService();
    await start(service, 'redos-host');
    await expectHealthy(service);
    expect(await service.logs('redos-host')).toContainEqual(
      expect.objectContaining({ stream: 'host', text: expect.stringMatching(/INVALID_RETURN/) }),
    );
  });

  test('log-injection: every line is one record, and none obeys', async () => {
    await using service = await startService();
    await start(service, 'log-injection');
    await service.chat();
    const lines = await service.until(async () => {
      const found = await service.logs('log-injection');
      return found.some(({ text }) => text.startsWith('forged')) && found;
    });
    expect(lines.map(({ stream, text }) => `${stream} ${text}`)).toEqual([
      'stdout \\x1b]0;pwn\\x07\\x1b[2J',
      'stdout 2026-01-01 INFO auth: admin logged in',
      'stdout <img src=x onerror=alert(1)>\\u{202e}',
      'stderr <script>alert(1)</script>',
      'stderr forged',
    ]);
  });

  test('stdout-flood: log and memory stay bounded', async () => {
    await using service = await startService();
    const rss = process.memoryUsage().rss;
    await start(service, 'stdout-flood');
    await expectHealthy(service);
    await service.logs('stdout-flood');
    const log = await readFile(join(service.dataDir, 'logs/stdout-flood.log'));
    expect(log.length).toBeLessThan(3 * megabyte);
    expect(process.memoryUsage().rss - rss).toBeLessThan(250 * megabyte);
    await act(service, 'stdout-flood', 'uninstall');
  });
});

/** What the plugins are after, in a folder that no plugin was given. */
async function plantTargets(outside: string, dataDir: string): Promise<Record<string, unknown>> {
  const path = (name: string) => join(outside, name);
  await writeFile(path('secret.txt'), 'secret');
  await writeFile(path('victim.txt'), 'victim');
  await writeFile(path('module.mjs'), 'export default "outside"');
  await writeFile(path('module.cjs'), 'module.exports = "outside"');
  await writeFile(path('data.json'), '{"outside":true}');
  await mkdir(join(dataDir, 'plugins/sibling'), { recursive: true });
  await writeFile(join(dataDir, 'plugins/sibling/data.txt'), 'sibling');
  await mkdir(join(dataDir, 'plugins/fs-read-sibling-evil'), { recursive: true });
  await writeFile(join(dataDir, 'plugins/fs-read-sibling-evil/data.txt'), 'sibling');
  const database = new Database(path('db.sqlite'));
  database.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
  database.close();
  return {
    outsideDir: outside,
    secretFile: path('secret.txt'),
    victimFile: path('victim.txt'),
    outsideModule: path('module.mjs'),
    outsideCjs: path('module.cjs'),
    outsideJson: path('data.json'),
    sqliteFile: path('db.sqlite'),
    unixSocket: path('socket'),
    siblingFile: join(dataDir, 'plugins/sibling/data.txt'),
    prefixSiblingFile: join(dataDir, 'plugins/fs-read-sibling-evil/data.txt'),
  };
}

async function snapshot(folder: string): Promise<Record<string, string>> {
  const names = await readdir(folder);
  const contents = await Promise.all(names.map((name) => readFile(join(folder, name), 'base64')));
  return Object.fromEntries(names.map((name, index) => [name, contents[index] ?? '']));
}
