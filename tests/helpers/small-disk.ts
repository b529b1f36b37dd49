import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from './temporary-folder.ts';

const run = promisify(execFile);

/** A disk of a few megabytes, mounted where only those see it who are started with `prefix`. */
export interface SmallDisk extends AsyncDisposable {
  /** Where it is mounted, for whoever sees it. */
  readonly path: string;
  /** The command that starts a program which sees it. */
  readonly prefix: readonly string[];
  /** The path of one of its files, for this process. */
  file(name: string): string;
  /** Takes all the space that is left. */
  fill(): Promise<void>;
  /** Gives back what {@link fill} took. */
  free(): Promise<void>;
  /** Makes the disk, or one of its folders, read-only. */
  freeze(folder?: string): Promise<void>;
  /** Takes back {@link freeze} of a folder. */
  thaw(folder: string): Promise<void>;
}

/** Needs Linux with user namespaces, and util-linux. */
export async function smallDisk(megabytes: number): Promise<SmallDisk> {
  await using cleanup = new AsyncDisposableStack();
  const { path } = cleanup.use(await temporaryFolder());
  const mount = `mount -t tmpfs -o size=${megabytes}m tmpfs "${path}" && echo mounted && read line`;
  const holder = spawn('unshare', ['--map-root-user', '--mount', 'sh', '-c', mount], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(holder, 'exit');
  cleanup.defer(async () => {
    holder.kill('SIGKILL');
    await ended;
  });
  await Promise.race([
    once(holder.stdout, 'data'),
    ended.then(() => Promise.reject(new Error('no namespace'))),
  ]);
  const enter = ['--target', String(holder.pid), '--user', '--mount', '--preserve-credentials', '--'];
  const file = (name: string) => join(`/proc/${holder.pid}/root`, path, name);
  const kept = cleanup.move();
  return {
    path,
    prefix: ['nsenter', ...enter],
    file,
    fill: async () => {
      const handle = await open(file('filler'), 'a');
      for (const size of [1024 ** 2, 4_096, 1]) await writeUntilFull(handle, Buffer.alloc(size));
      await handle.close();
    },
    free: () => rm(file('filler')),
    freeze: async (folder = '') => {
      const frozen = join(path, folder);
      await run('nsenter', [...enter, 'mount', '--bind', frozen, frozen]);
      await run('nsenter', [...enter, 'mount', '-o', 'remount,bind,ro', frozen]);
    },
    thaw: async (folder) => {
      await run('nsenter', [...enter, 'umount', join(path, folder)]);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function writeUntilFull(
  handle: { write(bytes: Buffer): Promise<{ bytesWritten: number }> },
  bytes: Buffer,
) {
  try {
    for (;;) {
      const { bytesWritten } = await handle.write(bytes);
      if (bytesWritten < bytes.length) return;
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  }
}
