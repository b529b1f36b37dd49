import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ErrorBody } from '@omniroute/shared/error-code';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { startService } from '../../helpers/service.ts';
import { startServiceProcess } from '../../helpers/service-process.ts';
import { failToStart } from '../../helpers/start-script.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

/** Another program that holds the database, until it is disposed. */
function locked(dataDir: string) {
  const connection = new Database(join(dataDir, 'omniroute.sqlite'));
  connection.exec('BEGIN IMMEDIATE');
  return { [Symbol.dispose]: () => connection.close() };
}

test('while another program holds the database, a change waits, requests go on, and the change is refused with what to do', async () => {
  await using service = await startService();
  await service.add('has-every-config-type');
  const put = () =>
    service.call<ErrorBody>('PUT', '/api/plugins/has-every-config-type/config', { config: { other: 1 } });
  {
    using _ = locked(service.dataDir);
    const change = put();
    let answered = 0;
    let slowestMs = 0;
    const done = change.then(() => true);
    while (!(await Promise.race([done, Promise.resolve(false)]))) {
      const startedAt = performance.now();
      expect((await service.chat()).status).toBe(200);
      slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      answered += 1;
    }
    const { status, body } = await change;
    expect(status).toBe(500);
    expect(body.error.message).toMatch(/another program holds the database locked\. Close/);
    expect(answered).toBeGreaterThan(20);
    // SQLite's own wait would have held one of them for all of the five seconds.
    expect(slowestMs).toBeLessThan(3_000);
  }
  expect((await service.plugin('has-every-config-type')).config).toEqual({});
  expect((await put()).status).toBe(200);
});

test('a change that finds the database free again in time is made', async () => {
  await using service = await startService();
  await service.add('has-every-config-type');
  const lock = locked(service.dataDir);
  const change = service.call('PUT', '/api/plugins/has-every-config-type/config', { config: { other: 1 } });
  // Others read meanwhile: the change is waiting, not lost.
  expect((await service.chat()).status).toBe(200);
  lock[Symbol.dispose]();
  expect((await change).status).toBe(200);
});

test('a database that another program holds refuses the start with what to do', async () => {
  await using folder = await temporaryFolder();
  await (await startService({ dataDir: folder.path }))[Symbol.asyncDispose]();
  const connection = new Database(join(folder.path, 'omniroute.sqlite'));
  connection.pragma('locking_mode = EXCLUSIVE');
  connection.exec('BEGIN EXCLUSIVE; CREATE TABLE other (id TEXT); COMMIT; BEGIN EXCLUSIVE');
  try {
    const { code, stderr } = await failToStart({ HOME: folder.path, OMNIROUTE_DATA_DIR: folder.path });
    expect(code).toBe(1);
    expect(stderr).toMatch(/omniroute\.sqlite cannot be used: another program holds the database locked/);
    expect(stderr).not.toMatch(/^\s+at /m);
  } finally {
    connection.close();
  }
});

test('a file that is no database refuses the start, and is left as it is', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'omniroute.sqlite');
  const garbage = 'not a database at all '.repeat(500);
  await writeFile(file, garbage);
  const { code, stderr } = await failToStart({ HOME: folder.path, OMNIROUTE_DATA_DIR: folder.path });
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /omniroute\.sqlite cannot be used: the database .* is damaged\. .* put a backup in its place/,
  );
  expect(await readFile(file, 'utf8')).toBe(garbage);
});

test('after a kill the whole database is looked through, and damage in its middle refuses the start', async () => {
  await using folder = await temporaryFolder();
  {
    await using service = await startServiceProcess(folder.path);
    await service.call('POST', '/api/plugins/scan');
    await service.end('SIGKILL');
  }
  const file = join(folder.path, 'omniroute.sqlite');
  new Database(file).pragma('wal_checkpoint(TRUNCATE)');
  const page = new Database(file, { readonly: true })
    .prepare(`SELECT rootpage FROM sqlite_schema WHERE name = 'idx_plugins_status'`)
    .pluck()
    .get();
  const handle = await open(file, 'r+');
  await handle.write(Buffer.alloc(4_096, 0xff), 0, 4_096, (Number(page) - 1) * 4_096);
  await handle.close();
  const { code, stderr } = await failToStart({ HOME: folder.path, OMNIROUTE_DATA_DIR: folder.path });
  expect(code).toBe(1);
  expect(stderr).toMatch(/is damaged/);
});
