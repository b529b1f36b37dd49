import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { StartupError } from '../startup-error.ts';

const serviceInfoSchema = z.object({ pid: z.int(), port: z.int(), startedAt: z.string() });
export type ServiceInfo = z.infer<typeof serviceInfoSchema>;

/** Keeps a second service out of the data directory for as long as this process lives. */
export class ServiceLock {
  readonly #dataDir: string;
  readonly #connection: SqliteDatabase.Database;
  /** Whether the service before this one did not end in good order. */
  readonly followsAKill: boolean;
  #hasAnnounced = false;

  private constructor(dataDir: string, connection: SqliteDatabase.Database, followsAKill: boolean) {
    this.#dataDir = dataDir;
    this.#connection = connection;
    this.followsAKill = followsAKill;
  }

  /** Throws StartupError, naming the other service, if one holds the lock. */
  static async acquire(dataDir: string): Promise<ServiceLock> {
    const connection = openLockFile(dataDir);
    try {
      // The operating system drops this lock with the process, however that ends.
      connection.exec('BEGIN EXCLUSIVE');
      return new ServiceLock(dataDir, connection, (await readServiceInfo(dataDir)) !== null);
    } catch (cause) {
      connection.close();
      const held = cause instanceof SqliteDatabase.SqliteError && cause.code.startsWith('SQLITE_BUSY');
      throw held ? new StartupError(await heldMessage(dataDir), { cause }) : cannotLock(dataDir, cause);
    }
  }

  /** Tells `service.json` where this service listens. */
  async announce(info: ServiceInfo): Promise<void> {
    this.#hasAnnounced = true;
    const file = infoFile(this.#dataDir);
    const draft = `${file}.${randomUUID()}`;
    await writeFile(draft, `${JSON.stringify(info)}\n`, { mode: 0o600 });
    await rename(draft, file);
  }

  /** A start that failed leaves what tells of a kill before it: the next one has to know. */
  async release(): Promise<void> {
    if (this.#hasAnnounced) await rm(infoFile(this.#dataDir), { force: true });
    this.#connection.close();
  }
}

/** What `service.json` says; null if it is not there or not readable. */
export async function readServiceInfo(dataDir: string): Promise<ServiceInfo | null> {
  try {
    return serviceInfoSchema.parse(JSON.parse(await readFile(infoFile(dataDir), 'utf8')));
  } catch {
    return null;
  }
}

function openLockFile(dataDir: string): SqliteDatabase.Database {
  try {
    return new SqliteDatabase(join(dataDir, 'service.lock'), { timeout: 0 });
  } catch (cause) {
    throw cannotLock(dataDir, cause);
  }
}

function cannotLock(dataDir: string, cause: unknown): StartupError {
  const message = `The file service.lock in ${dataDir} cannot be locked (${messageOf(cause)}): delete it if it is damaged, and see that the directory is writable and on a local disk.`;
  return new StartupError(message, { cause });
}

async function heldMessage(dataDir: string): Promise<string> {
  const info = await readServiceInfo(dataDir);
  const other = info
    ? `OmniRoute Plugins is already running on this data directory (process ${info.pid}, http://localhost:${info.port}): stop it with \`kill ${info.pid}\``
    : 'OmniRoute Plugins is already starting on this data directory: wait for it or stop it';
  return `${other}, or set OMNIROUTE_DATA_DIR and PORT to run a second one beside it. The directory is ${dataDir}.`;
}

function infoFile(dataDir: string): string {
  return join(dataDir, 'service.json');
}
