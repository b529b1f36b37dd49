import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type SqliteDatabase from 'better-sqlite3';
import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { StartupError } from '../startup-error.ts';
import type { Database } from './schema.ts';

interface MigrateOptions {
  database: Kysely<Database>;
  /** The connection that `database` runs on, so that the files run inside its transaction. */
  connection: SqliteDatabase.Database;
  migrationsDir: string;
}

/**
 * Runs the `.sql` files that have not run yet, in the order of their names, in one transaction with their bookkeeping.
 * Throws StartupError for a database that a newer version has migrated.
 */
export async function migrate({ database, connection, migrationsDir }: MigrateOptions): Promise<void> {
  const migrations = await readMigrations(connection, migrationsDir);
  const migrator = new Migrator({ db: database, provider: { getMigrations: async () => migrations } });
  refuseNewer(connection, migrations);
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  throw error instanceof Error ? error : new Error('the migrations failed', { cause: error });
}

async function readMigrations(
  connection: SqliteDatabase.Database,
  directory: string,
): Promise<Record<string, Migration>> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.sql')).sort();
  const migrations = files.map(async (file) => {
    const sql = await readFile(join(directory, file), 'utf8');
    const migration: Migration = {
      up: async () => {
        connection.exec(sql);
      },
    };
    return [file.slice(0, -'.sql'.length), migration] as const;
  });
  return Object.fromEntries(await Promise.all(migrations));
}

function refuseNewer(connection: SqliteDatabase.Database, known: Record<string, Migration>): void {
  const bookkeeping = connection
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name = 'kysely_migration'`)
    .get();
  if (bookkeeping === undefined) return;
  const ran = connection
    .prepare<[], { name: string }>('SELECT name FROM kysely_migration ORDER BY name')
    .all();
  const unknown = ran.find(({ name }) => !Object.hasOwn(known, name));
  if (unknown === undefined) return;
  throw new StartupError(
    `The database comes from a newer version of OmniRoute Plugins (migration ${unknown.name}): start that version, or set OMNIROUTE_DATA_DIR to another directory.`,
  );
}
