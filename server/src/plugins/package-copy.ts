import { chmod, copyFile, lstat, mkdir, open, readdir, realpath, stat } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import { PluginError } from '../errors.ts';
import { isInside } from './path.ts';

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

/**
 * Copies a package: regular files (0644) and folders (0755). A symlink that stays inside is copied as the file that it
 * names. What it has copied is on the disk when it resolves.
 *
 * @throws {PluginError} PACKAGE_REJECTED for anything else; what has been copied by then stays
 */
export async function copyPackage(from: string, to: string): Promise<void> {
  await copyFolder(from, to, { root: from, entries: 0, bytes: 0 }, 0);
}

/** The checks of {@link copyPackage} on a folder that is in place already. Throws PluginError PACKAGE_REJECTED. */
export async function inspectPackage(dir: string): Promise<void> {
  await walkFolder(dir, { root: dir, entries: 0, bytes: 0 }, 0);
}

/** Makes what was written to a file, or which entries a folder has, outlive a loss of power. */
export async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
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
      await syncToDisk(target);
    }
  }
  await syncToDisk(to);
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
