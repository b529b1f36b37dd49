import { readFile, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Manifest } from '@omniroute/shared/manifest';
import { checkData, fromData } from 'ssri';
import { PluginError } from '../errors.ts';
import { isInside } from './path.ts';

const entryExtensions = new Set(['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts']);

/**
 * Checks that `main` is a regular file inside `dir`, after symlinks, that Node can load, and matches `integrity`.
 *
 * @returns its absolute path
 * @throws PluginError INVALID_MANIFEST
 */
export async function resolveEntry(dir: string, manifest: Manifest): Promise<string> {
  const entry = await locateEntry(dir, manifest);
  await checkIntegrity(entry, manifest.integrity);
  return entry;
}

/** {@link resolveEntry} without a look at what the file holds. Throws PluginError INVALID_MANIFEST. */
export async function locateEntry(dir: string, manifest: Pick<Manifest, 'main'>): Promise<string> {
  const root = await realpath(dir);
  const entry = await realpath(join(root, manifest.main)).catch(() => null);
  if (entry === null || !(await stat(entry)).isFile()) {
    throw new PluginError(
      'INVALID_MANIFEST',
      `plugin.json: "main" names ${manifest.main}, which is not a file of the plugin.`,
    );
  }
  if (!isInside(root, entry)) {
    throw new PluginError(
      'INVALID_MANIFEST',
      `plugin.json: "main" names ${manifest.main}, which is outside the plugin.`,
    );
  }
  if (!entryExtensions.has(extname(entry))) {
    const allowed = [...entryExtensions].join(', ');
    throw new PluginError(
      'INVALID_MANIFEST',
      `plugin.json: "main" names ${manifest.main}; it must end in one of ${allowed}.`,
    );
  }
  return entry;
}

/** Checks the file against the hash that its manifest declares, if any. Throws PluginError INVALID_MANIFEST. */
export async function checkIntegrity(entry: string, expected: string | undefined): Promise<void> {
  if (expected === undefined) return;
  const content = await readFile(entry);
  if (checkData(content, expected)) return;
  const actual = fromData(content, { algorithms: ['sha256'] }).toString();
  throw new PluginError(
    'INVALID_MANIFEST',
    `The entry file does not match "integrity": it is ${actual}, plugin.json says ${expected}.`,
  );
}
