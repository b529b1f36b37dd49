import { lstat } from 'node:fs/promises';
import { sep } from 'node:path';

/** Whether `path` is `dir` or below it. Both absolute, after symlinks. */
export function isInside(dir: string, path: string): boolean {
  return path === dir || path.startsWith(dir.endsWith(sep) ? dir : dir + sep);
}

/** Whether there is anything at `path`, a broken symlink included. */
export async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null)) !== null;
}
