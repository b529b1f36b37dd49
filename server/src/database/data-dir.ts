import { chmod, mkdir, realpath, stat } from 'node:fs/promises';
import { messageOf } from '../errors.ts';
import { StartupError } from '../startup-error.ts';

const sticky = 0o1000;

/** Creates the data directory, closed to other users, and returns its real path. */
export async function openDataDir(path: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const { mode } = await stat(path);
    // A sticky directory is everybody's, such as /tmp: closing it would hurt others.
    if ((mode & 0o077) !== 0 && (mode & sticky) === 0) await chmod(path, 0o700);
    return await realpath(path);
  } catch (cause) {
    throw new StartupError(
      `The data directory ${path} cannot be used (${messageOf(cause)}): set OMNIROUTE_DATA_DIR to a directory that you may write to.`,
      { cause },
    );
  }
}
