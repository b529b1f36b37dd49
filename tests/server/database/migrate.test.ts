import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '@omniroute/server/database/open-database';
import { StartupError } from '@omniroute/server/startup-error';
import SqliteDatabase from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrationsDir } from '../http/test-service.ts';

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'omniroute-migrate-'));
  file = join(dir, 'omniroute.sqlite');
});
afterEach(() => rm(dir, { recursive: true }));

async function migrateAll(migrations = migrationsDir): Promise<void> {
  const database = await openDatabase({ file, migrationsDir: migrations });
  await database.destroy();
}

function query(sql: string): unknown[] {
  const connection = new SqliteDatabase(file, { readonly: true });
  try {
    return connection.prepare(sql).all();
  } finally {
    connection.close();
  }
}

/** All migrations, and after them one of the test's own. */
async function withMigration(name: string, sql: string): Promise<string> {
  const directory = join(dir, `migrations-${name}`);
  await mkdir(directory);
  for (const migration of await readdir(migrationsDir))
    await copyFile(join(migrationsDir, migration), join(directory, migration));
  await writeFile(join(directory, `${name}.sql`), sql);
  return directory;
}

test('the plugins table is the seed’s, column by column', async () => {
  await migrateAll();
  const columns = query(`SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info('plugins')`);
  expect(columns.map((column) => Object.values(column as object).join(' | '))).toEqual([
    'id | TEXT | 0 |  | 1',
    'name | TEXT | 1 |  | 0',
    "version | TEXT | 1 | '1.0.0' | 0",
    'description | TEXT | 0 |  | 0',
    'author | TEXT | 0 |  | 0',
    "license | TEXT | 0 | 'MIT' | 0",
    "main | TEXT | 1 | 'index.js' | 0",
    "source | TEXT | 0 | 'local' | 0",
    "tags | TEXT | 0 | '[]' | 0",
    "status | TEXT | 1 | 'installed' | 0",
    'enabled | INTEGER | 1 | 0 | 0',
    'manifest | TEXT | 1 |  | 0',
    "config | TEXT | 0 | '{}' | 0",
    "config_schema | TEXT | 0 | '{}' | 0",
    "hooks | TEXT | 0 | '[]' | 0",
    "permissions | TEXT | 0 | '[]' | 0",
    'plugin_dir | TEXT | 1 |  | 0',
    'error_message | TEXT | 0 |  | 0',
    "installed_at | TEXT | 1 | datetime('now') | 0",
    "updated_at | TEXT | 1 | datetime('now') | 0",
    'activated_at | TEXT | 0 |  | 0',
  ]);
});

test('every migration runs once, and the file is this user’s only', async () => {
  await migrateAll();
  await migrateAll();
  const files = (await readdir(migrationsDir)).map((name) => name.replace('.sql', '')).toSorted();
  expect(query('SELECT name FROM kysely_migration ORDER BY name')).toEqual(files.map((name) => ({ name })));
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('a migration that fails leaves nothing behind', async () => {
  const broken = await withMigration('999_broken', 'CREATE TABLE half (id TEXT); SELECT nope FROM nowhere;');
  await expect(migrateAll(broken)).rejects.toThrow(/nowhere/);
  expect(query("SELECT name FROM sqlite_schema WHERE name IN ('half', 'plugins')")).toEqual([]);
  await migrateAll();
});

test('a database of a newer version is refused, and left as it is', async () => {
  await migrateAll(await withMigration('999_from_the_future', 'CREATE TABLE future (id TEXT);'));
  await expect(migrateAll()).rejects.toThrow(StartupError);
  await expect(migrateAll()).rejects.toThrow(
    /newer version of OmniRoute Plugins \(migration 999_from_the_future\)/,
  );
  expect(query("SELECT name FROM sqlite_schema WHERE name = 'future'")).toHaveLength(1);
});

test.each(['a fresh database', 'a database in use'])(
  'SIGKILL in the middle of a migration of %s leaves one that starts',
  async (which) => {
    if (which === 'a database in use') await migrateAll();
    // Writes far more than SQLite's cache holds, so that pages of the open transaction are on disk when it is killed.
    const slow = `CREATE TABLE half (n INTEGER, text TEXT);
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1e9)
    INSERT INTO half SELECT n, hex(randomblob(500)) FROM numbers;`;
    const migrations = await withMigration('999_slow', slow);
    const module = import.meta.resolve('@omniroute/server/database/open-database');
    const child = spawn(process.execPath, [
      '--input-type=module',
      '--eval',
      `const { openDatabase } = await import(${JSON.stringify(module)});
     await openDatabase(${JSON.stringify({ file, migrationsDir: migrations })});`,
    ]);
    const exited = once(child, 'exit');
    while ((await sizeOf(`${file}-wal`)) < 8 * 1024 ** 2) {
      expect(child.exitCode).toBeNull();
      await new Promise(setImmediate);
    }
    child.kill('SIGKILL');
    expect(await exited).toEqual([null, 'SIGKILL']);
    await migrateAll();
    expect(query("SELECT name FROM sqlite_schema WHERE name IN ('half', 'plugins')")).toEqual([
      { name: 'plugins' },
    ]);
    expect(query("SELECT name FROM kysely_migration WHERE name = '999_slow'")).toEqual([]);
  },
);

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => null);
  return found?.size ?? 0;
}
