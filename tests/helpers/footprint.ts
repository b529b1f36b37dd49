import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import Database from 'better-sqlite3';

/** All that a plugin can leave in a data directory: rows, and paths under the folders that hold plugins. */
export interface Footprint {
  rows: unknown[];
  grants: unknown[];
  operations: unknown[];
  files: string[];
}

/** What the plugins have left in `dataDir` now. */
export async function footprint(dataDir: string): Promise<Footprint> {
  const files = await Promise.all(['plugins', 'plugin-data', 'logs'].map((folder) => list(dataDir, folder)));
  return {
    rows: query(dataDir, 'SELECT * FROM plugins ORDER BY name'),
    grants: query(dataDir, 'SELECT * FROM plugin_grants ORDER BY plugin_id'),
    operations: query(dataDir, 'SELECT * FROM operations'),
    files: files.flat().toSorted(),
  };
}

/** Reads the service's database from outside. */
export function query(dataDir: string, sql: string): Record<string, unknown>[] {
  using database = opened(dataDir);
  return database.connection.prepare<[], Record<string, unknown>>(sql).all();
}

function opened(dataDir: string) {
  const connection = new Database(join(dataDir, 'omniroute.sqlite'), { readonly: true });
  return { connection, [Symbol.dispose]: () => connection.close() };
}

async function list(dataDir: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(dataDir, folder), { recursive: true, withFileTypes: true });
  return entries.map((entry) => relative(dataDir, join(entry.parentPath, entry.name)));
}
