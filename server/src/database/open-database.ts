import { open } from 'node:fs/promises';
import SqliteDatabase from 'better-sqlite3';
import { Kysely, SqliteAdapter, SqliteDialect } from 'kysely';
import { migrate } from './migrate.ts';
import type { Database } from './schema.ts';

// Kysely migrates in a transaction only where the adapter says that it can be done; in SQLite it can.
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class TransactionalDdlDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new TransactionalDdlAdapter();
  }
}

interface OpenDatabaseOptions {
  file: string;
  migrationsDir: string;
}

/** Opens the database file, creates it if need be (0600), and migrates it. `destroy()` closes it. */
export async function openDatabase({ file, migrationsDir }: OpenDatabaseOptions): Promise<Kysely<Database>> {
  await createPrivateFile(file);
  const connection = new SqliteDatabase(file, { timeout: 5_000 });
  const database = new Kysely<Database>({ dialect: new TransactionalDdlDialect({ database: connection }) });
  try {
    connection.pragma('journal_mode = WAL');
    connection.pragma('foreign_keys = ON');
    await migrate({ database, connection, migrationsDir });
    return database;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** SQLite gives its -wal and -shm files the mode of the database. */
async function createPrivateFile(file: string): Promise<void> {
  const handle = await open(file, 'a', 0o600);
  await handle.chmod(0o600);
  await handle.close();
}
