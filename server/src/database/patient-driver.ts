import { setTimeout as later } from 'node:timers/promises';
import SqliteDatabase from 'better-sqlite3';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Kysely,
  type QueryResult,
  SqliteDialect,
  SqliteAdapter,
  SqliteDriver,
} from 'kysely';
import type { Database } from './schema.ts';

const retryEveryMs = 25;

// Kysely migrates in a transaction only where the adapter says that it can be done; in SQLite it can.
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/**
 * Waits for a database that another program has locked without holding up the service: SQLite's own busy timeout would
 * block the event loop, and every request with it. A transaction takes the write lock when it begins, so that none fails
 * half-way. Rejects with SQLITE_BUSY when the wait is over.
 */
class PatientDriver extends SqliteDriver {
  readonly #database: SqliteDatabase.Database;
  readonly #maxWaitMs: number;

  constructor(database: SqliteDatabase.Database, maxWaitMs: number) {
    super({ database });
    this.#database = database;
    this.#maxWaitMs = maxWaitMs;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    return new PatientConnection(await super.acquireConnection(), this.#maxWaitMs);
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  /** SQLite may have rolled back by itself, on a full disk, say: a second time would hide why. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#database.inTransaction) await super.rollbackTransaction(connection);
  }
}

// The comment tells it from the patient one.
const beginAtOnce = CompiledQuery.raw('begin immediate /* or fail */');

/**
 * Runs a transaction that fails at once, with SQLITE_BUSY, where another program holds the database: for writes that can
 * come later. A patient one would keep every reader waiting behind it.
 */
export async function transactionAtOnce<T>(
  database: Kysely<Database>,
  work: (trx: Kysely<Database>) => Promise<T>,
): Promise<T> {
  return database.connection().execute(async (connection) => {
    await connection.executeQuery(beginAtOnce);
    try {
      const result = await work(connection);
      await connection.executeQuery(CompiledQuery.raw('commit'));
      return result;
    } catch (error) {
      // Where SQLite has rolled back by itself, as it may on a full disk, there is nothing left to do.
      await connection.executeQuery(CompiledQuery.raw('rollback')).catch(() => undefined);
      throw error;
    }
  });
}

class PatientConnection implements DatabaseConnection {
  readonly #connection: DatabaseConnection;
  readonly #maxWaitMs: number;

  constructor(connection: DatabaseConnection, maxWaitMs: number) {
    this.#connection = connection;
    this.#maxWaitMs = maxWaitMs;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const deadline = performance.now() + this.#maxWaitMs;
    for (;;) {
      try {
        return await this.#connection.executeQuery<R>(query);
      } catch (error) {
        const isPatient = query.sql !== beginAtOnce.sql;
        if (!isBusy(error) || !isPatient || performance.now() > deadline) throw error;
        await later(retryEveryMs);
      }
    }
  }

  streamQuery<R>(query: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<R>> {
    return this.#connection.streamQuery<R>(query, chunkSize);
  }
}

/** better-sqlite3 as Kysely's dialect, with migrations in transactions and patient writes. */
export class PatientDialect extends SqliteDialect {
  readonly #database: SqliteDatabase.Database;
  readonly #maxWaitMs: number;

  constructor(database: SqliteDatabase.Database, maxWaitMs: number) {
    super({ database });
    this.#database = database;
    this.#maxWaitMs = maxWaitMs;
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalDdlAdapter();
  }

  override createDriver(): SqliteDriver {
    return new PatientDriver(this.#database, this.#maxWaitMs);
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof SqliteDatabase.SqliteError && error.code.startsWith('SQLITE_BUSY');
}
