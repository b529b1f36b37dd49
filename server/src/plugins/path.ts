import { lstat } from 'node:fs/promises';
import { sep } from 'node:path';
import { errorCode } from '../errors.ts';

/** Whether `path` is `dir` or below it. Both absolute, after symlinks. */
export function isInside(dir: string, path: string): boolean {
  return path === dir || path.startsWith(dir.endsWith(sep) ? dir : dir + sep);
}

/** Whether there is anything at `path`, a broken symlink included. */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    // What cannot be looked at is not gone.
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error))) return false;
    throw error;
  }
}
