import { chmod, copyFile, lstat, mkdir, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, extname, join, relative } from 'node:path';
import { errorCode, PluginError } from '../errors.ts';
import { exists, isInside } from './path.ts';
import { readManifest } from './read-manifest.ts';
import type { PluginPaths } from './plugin-paths.ts';

const maxEntries = 20_000;
const maxBytes = 256 * 1024 * 1024;
const maxDepth = 32;

/** Not part of a package: an author's checkout carries it, and it can be larger than the plugin. */
const skipped = new Set(['.git']);

interface Walk {
  root: string;
  entries: number;
  bytes: number;
}

/** Moves plugin folders: staging, place, previous, trash. Holds the only recursive delete of one. */
export class PluginFiles {
  readonly #paths: PluginPaths;

  constructor(paths: PluginPaths) {
    this.#paths = paths;
  }

  get paths(): PluginPaths {
    return this.#paths;
  }

  async prepare(): Promise<void> {
    const { plugins, pluginData, logs, previous } = this.#paths;
    for (const dir of [plugins, previous, pluginData, logs])
      await mkdir(dir, { recursive: true, mode: 0o700 });
  }

  /**
   * Copies a package into staging: regular files (0644) and folders (0755). A symlink that stays inside is
   * copied as the file that it names.
   *
   * @throws PluginError PACKAGE_REJECTED for anything else; the staging folder is removed then
   */
  async stage(operation: string, source: string): Promise<string> {
    const staging = this.#paths.staging(operation);
    if (isInside(source, this.#paths.root)) {
      throw new PluginError(
        'PACKAGE_REJECTED',
        'The plugin folder holds the data directory of this service. Move one of them.',
      );
    }
    if (isInside(this.#paths.plugins, source)) {
      throw new PluginError(
        'INVALID_REQUEST',
        'This folder is inside the plugins directory already. Scan for plugins instead.',
      );
    }
    try {
      await copyFolder(source, staging, { root: source, entries: 0, bytes: 0 }, 0);
      return staging;
    } catch (error) {
      await this.remove(staging);
      throw error;
    }
  }

  /** The checks of {@link stage} on a folder that is in place already. Throws PluginError PACKAGE_REJECTED. */
  async inspect(dir: string): Promise<void> {
    await walkFolder(dir, { root: dir, entries: 0, bytes: 0 }, 0);
  }

  async place(staging: string, name: string): Promise<void> {
    const target = this.#paths.plugin(name);
    if (await exists(target)) {
      throw new PluginError(
        'INSTALL_FAILED',
        `A folder named '${name}' is in the plugins directory already, but not registered. Scan for plugins to register it, or remove it.`,
      );
    }
    await rename(staging, target);
  }

  /** Puts `staging` in the place of the installed version, which becomes the previous one. On failure nothing has moved. */
  async swap(operation: string, staging: string, name: string): Promise<void> {
    const { plugin, previous, aside } = this.#swapPaths(operation, name);
    await mkdir(this.#paths.previous, { recursive: true, mode: 0o700 });
    await renameIfThere(previous, aside);
    try {
      await renameIfThere(plugin, previous);
      await rename(staging, plugin);
    } catch (error) {
      await renameIfThere(previous, plugin);
      await renameIfThere(aside, previous);
      throw error;
    }
  }

  /** Puts back the previous version of a swap that was cut short before it had moved anything else. */
  async restorePrevious(operation: string, name: string): Promise<void> {
    const { previous, aside } = this.#swapPaths(operation, name);
    if (!(await exists(previous))) await renameIfThere(aside, previous);
  }

  /** Takes a swap back: every version is in its place again, and the new one gone. */
  async unswap(operation: string, name: string): Promise<void> {
    const { plugin, previous, aside } = this.#swapPaths(operation, name);
    await this.remove(plugin);
    await renameIfThere(previous, plugin);
    await renameIfThere(aside, previous);
  }

  #swapPaths(operation: string, name: string): { plugin: string; previous: string; aside: string } {
    return {
      plugin: this.#paths.plugin(name),
      previous: this.#paths.previousOf(name),
      // The version before the previous one: it goes for good when the operation ends.
      aside: this.#paths.trash(operation),
    };
  }

  /** The version of the package in `dir`, or null where there is none that can be read. */
  async versionOf(dir: string): Promise<string | null> {
    const manifest = await readManifest(dir).catch(() => null);
    return manifest?.version ?? null;
  }

  /** Whether the operation's staging folder is still there. */
  isStaged(operation: string): Promise<boolean> {
    return exists(this.#paths.staging(operation));
  }

  /** Whether the plugin has its folder. */
  exists(name: string): Promise<boolean> {
    return exists(this.#paths.plugin(name));
  }

  /** Takes the installed folder out of its place. A folder that is gone is no error. */
  async trash(operation: string, name: string): Promise<void> {
    await renameIfThere(this.#paths.plugin(name), this.#paths.trash(operation));
  }

  /** Takes {@link trash} back. */
  async untrash(operation: string, name: string): Promise<void> {
    if (!(await this.exists(name)))
      await renameIfThere(this.#paths.trash(operation), this.#paths.plugin(name));
  }

  /** Removes all that a plugin had beside its folder: the previous version, its data. */
  async removeLeftovers(name: string): Promise<void> {
    await this.remove(this.#paths.previousOf(name));
    await this.remove(this.#paths.dataOf(name));
  }

  hasDataDir(name: string): Promise<boolean> {
    return exists(this.#paths.dataOf(name));
  }

  async makeDataDir(name: string): Promise<string> {
    const dir = this.#paths.dataOf(name);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    return dir;
  }

  /**
   * Deletes a folder that is a direct child of one of the directories that hold plugins' folders. A symlink in
   * its place is deleted, not followed.
   */
  async remove(path: string): Promise<void> {
    const { plugins, previous, pluginData } = this.#paths;
    const parent = dirname(path);
    if (![plugins, previous, pluginData].includes(parent) || path === previous) {
      throw new Error(`refused to delete ${path}: it is not a plugin's folder`);
    }
    if ((await realpath(parent)) !== parent)
      throw new Error(`refused to delete ${path}: its parent is a symlink`);
    await removeTree(path);
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  if (await exists(from)) await rename(from, to);
}

/** Deletes a tree, also where a plugin has taken away the right to. */
async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes(errorCode(error))) throw error;
    await openFolders(path);
    await rm(path, { recursive: true, force: true });
  }
}

async function openFolders(dir: string): Promise<void> {
  if (!(await lstat(dir)).isDirectory()) return;
  await chmod(dir, 0o700);
  for (const name of await readdir(dir)) await openFolders(join(dir, name));
}

async function copyFolder(from: string, to: string, walk: Walk, depth: number): Promise<void> {
  await mkdir(to, { mode: 0o755 });
  for (const name of await listFolder(from, walk, depth)) {
    const source = join(from, name);
    const target = join(to, name);
    const kind = await classify(source, walk);
    if (kind === 'folder') {
      await copyFolder(source, target, walk, depth + 1);
    } else {
      await copyFile(source, target);
      await chmod(target, 0o644);
    }
  }
}

async function walkFolder(dir: string, walk: Walk, depth: number): Promise<void> {
  for (const name of await listFolder(dir, walk, depth)) {
    const path = join(dir, name);
    if ((await classify(path, walk)) === 'folder') await walkFolder(path, walk, depth + 1);
  }
}

async function listFolder(dir: string, walk: Walk, depth: number): Promise<string[]> {
  if (depth > maxDepth) throw rejected(walk, dir, `nests deeper than ${maxDepth} folders`);
  return (await readdir(dir)).filter((name) => !skipped.has(name));
}

/** Follows a symlink to a file that stays inside; refuses all that is neither a regular file nor a folder. */
async function classify(path: string, walk: Walk): Promise<'file' | 'folder'> {
  walk.entries += 1;
  if (walk.entries > maxEntries)
    throw rejected(walk, walk.root, `holds more than ${maxEntries} files and folders`);
  const own = await lstat(path);
  if (own.isDirectory()) return 'folder';
  const target = own.isSymbolicLink() ? await realpath(path).catch(() => null) : path;
  if (target === null || !isInside(walk.root, target))
    throw rejected(walk, path, 'is a symlink that leads outside the plugin');
  const facts = await stat(target);
  if (!facts.isFile())
    throw rejected(walk, path, own.isSymbolicLink() ? 'is a symlink to a folder' : 'is not a regular file');
  if (extname(path) === '.node' || extname(target) === '.node')
    throw rejected(walk, path, 'is native code, which no plugin may load');
  walk.bytes += facts.size;
  if (walk.bytes > maxBytes) throw rejected(walk, walk.root, `is larger than ${maxBytes} bytes`);
  return 'file';
}

function rejected(walk: Walk, path: string, problem: string): PluginError {
  const what = path === walk.root ? 'The package' : `'${relative(walk.root, path)}'`;
  return new PluginError('PACKAGE_REJECTED', `${what} ${problem}. Remove it and install again.`);
}
