import { open } from 'node:fs/promises';
import SqliteDatabase from 'better-sqlite3';
import { Kysely } from 'kysely';
import { messageOf, storageProblem } from '../errors.ts';
import { StartupError } from '../startup-error.ts';
import { migrate } from './migrate.ts';
import { PatientDialect } from './patient-driver.ts';
import type { Database } from './schema.ts';

/** While the service starts nobody waits for it, so SQLite may wait as it does. */
const startTimeoutMs = 5_000;

interface OpenDatabaseOptions {
  file: string;
  migrationsDir: string;
  /** Reads the whole file for damage first: after a service that did not end in good order. */
  check?: boolean;
  /** For so long a statement waits for another program that holds the database; 5 s unless told. */
  maxWaitMs?: number | undefined;
}

/**
 * Opens the database file, creates it if need be (0600), and migrates it. `destroy()` closes it.
 *
 * @throws {StartupError} where it is damaged, locked, not writable, or of a newer version; it is left as it is then
 */
export async function openDatabase(options: OpenDatabaseOptions): Promise<Kysely<Database>> {
  try {
    return await openAndMigrate(options);
  } catch (error) {
    const problem = storageProblem(error);
    if (problem === null) throw error;
    throw new StartupError(`The database ${options.file} cannot be used: ${problem} (${messageOf(error)})`, {
      cause: error,
    });
  }
}

async function openAndMigrate({
  file,
  migrationsDir,
  check = false,
  maxWaitMs = 5_000,
}: OpenDatabaseOptions): Promise<Kysely<Database>> {
  await createPrivateFile(file);
  const connection = new SqliteDatabase(file, { timeout: startTimeoutMs });
  const database = new Kysely<Database>({ dialect: new PatientDialect(connection, maxWaitMs) });
  try {
    connection.pragma('journal_mode = WAL');
    connection.pragma('foreign_keys = ON');
    if (check) refuseDamaged(connection);
    await migrate({ database, connection, migrationsDir });
    // From here on the driver waits, and the event loop goes on.
    connection.pragma('busy_timeout = 0');
    return database;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** @throws {SqliteDatabase.SqliteError} SQLITE_CORRUPT with what the check found */
function refuseDamaged(connection: SqliteDatabase.Database): void {
  const found = connection.pragma('quick_check(1)', { simple: true });
  if (found !== 'ok') throw new SqliteDatabase.SqliteError(String(found), 'SQLITE_CORRUPT');
}

/** SQLite gives its -wal and -shm files the mode of the database. */
async function createPrivateFile(file: string): Promise<void> {
  const handle = await open(file, 'a', 0o600);
  await handle.chmod(0o600);
  await handle.close();
}
