import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { footprint, query } from './footprint.ts';

/** Columns that differ from run to run. */
const volatile = [
  'id',
  'plugin_id',
  'installed_at',
  'updated_at',
  'activated_at',
  'granted_at',
  'created_at',
  'plugin_dir',
];

/**
 * All that a data directory holds of its plugins, in a form that two runs can be compared by: rows without times and ids,
 * files with their content, and the names of the logs.
 */
export async function wholeState(dataDir: string) {
  const { rows, grants, operations, files } = await footprint(dataDir);
  return {
    plugins: rows.map(stable),
    grants: grants.map(stable),
    versions: query(dataDir, 'SELECT * FROM plugin_versions ORDER BY rowid').map(stable),
    operations,
    files: Object.fromEntries(
      await Promise.all(files.map(async (file) => [file, await contentOf(join(dataDir, file))])),
    ),
  };
}

function stable(row: unknown) {
  return Object.fromEntries(Object.entries(Object(row)).filter(([column]) => !volatile.includes(column)));
}

async function contentOf(path: string): Promise<string | null> {
  if (path.includes('/logs/')) return null;
  return readFile(path, 'utf8').catch(() => null);
}
