import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { declaredHookNames, askedPermissions, manifestSchema } from '@omniroute/shared/manifest';
import type { CatalogEntry } from '@omniroute/shared/marketplace';

/** The catalog that is always there: one entry for each plugin folder in `dir`. */
export async function readSeedCatalog(dir: string): Promise<CatalogEntry[]> {
  const folders = await readdir(dir, { withFileTypes: true });
  return Promise.all(
    folders.filter((entry) => entry.isDirectory()).map((entry) => readEntry(join(dir, entry.name))),
  );
}

async function readEntry(dir: string): Promise<CatalogEntry> {
  const file = join(dir, 'plugin.json');
  const manifest = manifestSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  return {
    name: manifest.name,
    version: manifest.version,
    description: manifest.description ?? '',
    author: manifest.author ?? '',
    license: manifest.license,
    downloadUrl: '',
    tags: manifest.tags,
    downloads: 0,
    rating: 0,
    verified: true,
    lastUpdated: (await stat(file)).mtime.toISOString(),
    permissions: askedPermissions(manifest),
    hooks: declaredHookNames(manifest),
  };
}
