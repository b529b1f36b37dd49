import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, PluginError } from '../errors.ts';
import { exists } from './path.ts';
import { manifestFile } from './read-manifest.ts';

/**
 * The plugin directory that `path` names: it holds `plugin.json`, or is the parent of exactly one that does.
 *
 * @returns an absolute path, after symlinks
 * @throws PluginError INVALID_REQUEST
 */
export async function locatePackage(path: string): Promise<string> {
  const dir = await realpath(path).catch(() => null);
  if (dir === null || !(await isDirectory(dir))) {
    throw new PluginError(
      'INVALID_REQUEST',
      `There is no folder at ${path}. Give the absolute path of the plugin's folder.`,
    );
  }
  if (await exists(join(dir, manifestFile))) return dir;
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: unknown) => {
    throw new PluginError('INVALID_REQUEST', `The folder ${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  });
  const candidates = entries.filter((entry) => entry.isDirectory()).map((entry) => join(dir, entry.name));
  const found = await Promise.all(
    candidates.map(async (child) => ((await exists(join(child, manifestFile))) ? [child] : [])),
  );
  const [only, another] = found.flat();
  if (only !== undefined && another === undefined) return only;
  const problem = only === undefined ? 'no plugin.json' : 'more than one plugin';
  throw new PluginError(
    'INVALID_REQUEST',
    `There is ${problem} in ${path}. Give the folder that holds plugin.json.`,
  );
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path)).isDirectory();
}
