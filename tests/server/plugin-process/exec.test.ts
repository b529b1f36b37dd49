import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { act, install, runRequest } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { isAlive, processesOf } from '../../helpers/processes.ts';
import { withoutBubblewrap } from '../../helpers/sandbox-tools.ts';
import { poll, type Service, startService } from '../../helpers/service.ts';
import { type TemporaryFolder, temporaryFolder } from '../../helpers/temporary-folder.ts';

const name = 'runs-programs';
const allowed = { OMNIROUTE_PLUGINS_ALLOW_EXEC: '1' };

/** Runs the shell script of the body, and says how it ended and what it printed. */
const source = `
import { spawnSync } from 'node:child_process';
export function onRequest({ body }) {
  const { status, stdout, stderr } = spawnSync('/bin/bash', ['-c', body.script], { encoding: 'utf8', timeout: 1500 });
  return { metadata: { status, stdout, stderr } };
}`;

async function addRunner(service: Service, requires: object = { permissions: ['exec'] }): Promise<void> {
  await using plugin = await temporaryFolder();
  await writePackage(plugin.path, { name, hooks: { onRequest: true }, requires }, { 'index.js': source });
  const { error } = await install(service, plugin.path);
  if (error) throw new Error(error.message);
}

async function run(service: Service, script: string): Promise<Record<string, unknown>> {
  return (await runRequest(service, { script })).metadata;
}

describe('the programs that a plugin starts', () => {
  let service: Service;
  let outside: TemporaryFolder;
  let port: number;
  const server = createServer((socket) => socket.end('reached'));

  beforeAll(async () => {
    service = await startService({ env: allowed });
    outside = await temporaryFolder();
    await writeFile(join(outside.path, 'secret.txt'), 'secret');
    await addRunner(service);
    const { status } = await act(service, name, 'activate');
    if (status !== 200) throw new Error(`activate answered ${status}`);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, '127.0.0.1', resolve);
    await promise;
    const address = server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });

  afterAll(async () => {
    server.close();
    await service[Symbol.asyncDispose]();
    await outside[Symbol.asyncDispose]();
  });

  test('run, and are named in the gaps', async () => {
    expect(await run(service, 'echo from a program')).toMatchObject({
      status: 0,
      stdout: 'from a program\n',
    });
    const { isolation } = await service.plugin(name);
    expect(isolation.level).toBe(3);
    expect(isolation.gaps.join(' ')).toContain('start the programs of this machine');
  });

  test.each([
    ['read no file outside', () => `cat ${outside.path}/secret.txt`],
    ['list no folder outside', () => `ls ${service.dataDir}/plugin-data ${service.dataDir}/omniroute.sqlite`],
    ['write no file outside', () => `echo written > ${outside.path}/written.txt`],
    [
      "write nothing in the plugin's folder",
      () => `echo written > ${service.dataDir}/plugins/${name}/index.js`,
    ],
    ['fill no disk in memory', () => 'echo written > /written && echo written > /dev/shm/written'],
    ['reach no port', () => `read line < /dev/tcp/127.0.0.1/${port} && [ "$line" = reached ]`],
    ['signal no process', () => `kill -0 ${process.pid}`],
    ['see no process', () => `test -e /proc/${process.pid}/status`],
    ['mount nothing', () => 'mount -t tmpfs none /mnt'],
  ])('%s', async (_what, script) => {
    const { status } = await run(service, `${script()} 2>/dev/null`);
    expect(status).toBeGreaterThan(0);
  });

  test('would reach all of that from outside', async () => {
    const inTest = (script: string) => spawnSync('/bin/bash', ['-c', script]).status;
    expect(inTest(`cat ${outside.path}/secret.txt && kill -0 ${process.pid}`)).toBe(0);
    expect(inTest(`test -e /proc/${process.pid}/status && ls ${service.dataDir}/plugin-data`)).toBe(0);
    expect(inTest(`echo seen > ${outside.path}/seen.txt`)).toBe(0);
    expect(await readFile(join(outside.path, 'seen.txt'), 'utf8')).toBe('seen\n');
    const client = await fetch(`http://127.0.0.1:${port}`).catch((error: unknown) => error);
    expect(client).toBeInstanceOf(Error);
    expect(String((client as Error).cause)).not.toContain('ECONNREFUSED');
  });

  test('are held to the same permissions where they are Node', async () => {
    const script = `"${process.execPath}" -p 'process.permission.has("fs.read", "/usr/lib") + " " + process.permission.has("fs.read", process.cwd())' 2>/dev/null`;
    expect(await run(service, script)).toMatchObject({ stdout: 'false true\n' });
  });

  test('count as memory of the plugin', async () => {
    const bytes = 60_000_000;
    const script = `( (head -c ${bytes} /dev/zero; exec sleep 1000) | tail -c ${bytes} ) > /dev/null 2>&1 &`;
    const before = (await service.plugin(name)).process.memoryBytes ?? 0;
    await run(service, script);
    await poll(async () => ((await service.plugin(name)).process.memoryBytes ?? 0) > before + 0.9 * bytes);
  });

  test('end with the plugin, orphans in sessions of their own included', async () => {
    const seconds = String(randomInt(1e8, 1e9));
    await run(
      service,
      `(setsid sleep ${seconds} < /dev/null > /dev/null 2>&1 &) ; (setsid setsid sleep ${seconds} &) > /dev/null 2>&1`,
    );
    const sleepers = await poll(async () => {
      const found = await processesOf(`sleep\0${seconds}`);
      return found.length === 2 && found;
    });
    const { pid } = (await service.plugin(name)).process;
    process.kill(pid ?? 0, 'SIGKILL');
    await poll(async () => (await Promise.all(sleepers.map(isAlive))).every((alive) => !alive));
    await poll(async () => (await service.plugin(name)).process.state === 'running');
    await run(service, `(setsid sleep ${seconds} < /dev/null > /dev/null 2>&1 &)`);
    await poll(async () => (await processesOf(`sleep\0${seconds}`)).length === 1);
    await act(service, name, 'deactivate');
    await poll(async () => (await processesOf(`sleep\0${seconds}`)).length === 0);
  });
});

test.each([
  ['the operator does not allow it', {}, 'OMNIROUTE_PLUGINS_ALLOW_EXEC=1'],
  ['nothing holds them', { env: allowed, findSandboxTools: withoutBubblewrap }, 'bubblewrap'],
])('"exec" is refused where %s, with what to do', async (_why, options, hint) => {
  await using service = await startService(options);
  await addRunner(service);
  const { status, error } = await act(service, name, 'activate');
  expect({ status, code: error.code }).toEqual({ status: 422, code: 'ISOLATION_UNAVAILABLE' });
  expect(error.message).toContain(hint);
  const plugin = await service.plugin(name);
  expect(plugin).toMatchObject({ status: 'error', enabled: false, process: { pid: null } });
  expect(plugin.isolation.gaps.join(' ')).toContain('"exec" is refused');
});
