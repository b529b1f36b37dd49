import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../errors.ts';
import type { Logger } from '../logger.ts';

const intervalMs = 2_000;
/** Where measuring takes long, on a slow disk or a busy machine. */
const maxIntervalMs = 6_000;
const maxBytes = 256 * 1024 * 1024;
const maxEntries = 20_000;
/** Of the time, so much is meant to be spent on measuring at most. */
const maxShare = 0.25;
/** So many files are looked at together. */
const batchSize = 64;

interface Watched {
  dir: string;
  onExceeded: (message: string) => void;
}

/**
 * Looks every two seconds whether a plugin's data folder has grown beyond what a plugin may keep. One folder after the
 * other, for as long as any is watched; seldomer where measuring takes long.
 */
export class DataQuota {
  readonly #monotonicMs: () => number;
  readonly #logger: Logger;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;
  #isMeasuring = false;

  constructor(monotonicMs: () => number, logger: Logger) {
    this.#monotonicMs = monotonicMs;
    this.#logger = logger;
  }

  /** Calls `onExceeded` once, with a sentence for the operator. Returns the function that ends the watch. */
  watch(dir: string, onExceeded: (message: string) => void): () => void {
    const watched = { dir, onExceeded };
    this.#watched.add(watched);
    this.#schedule(intervalMs);
    return () => {
      this.#watched.delete(watched);
      if (this.#watched.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  /** A sentence for the operator where the folder is too large; null where it is not, or there is none. */
  async excess(dir: string): Promise<string | null> {
    const { bytes, entries, unreadable } = await measure(dir);
    if (unreadable !== null) {
      return `Its data folder ${dir} cannot be measured: ${unreadable} cannot be read. Make it readable or remove it, then activate the plugin again.`;
    }
    if (bytes <= maxBytes && entries <= maxEntries) return null;
    return (
      `Its data folder ${dir} holds at least ${mebibytes(bytes)} MiB in ${entries} files and folders; ` +
      `the limit is ${mebibytes(maxBytes)} MiB and ${maxEntries}. Remove what it does not need there, then activate it again.`
    );
  }

  /** What the machine keeps from being measured is measured at the next turn. */
  async #excessNow(dir: string): Promise<string | null> {
    try {
      return await this.excess(dir);
    } catch (error) {
      this.#logger.error({ dir, err: error }, 'data-quota.not-measured');
      return null;
    }
  }

  #schedule(delayMs: number): void {
    if (this.#isMeasuring) return;
    this.#timer ??= setTimeout(() => void this.#measureAll(), delayMs).unref();
  }

  async #measureAll(): Promise<void> {
    this.#timer = undefined;
    this.#isMeasuring = true;
    const startedMs = this.#monotonicMs();
    for (const watched of this.#watched) {
      const message = await this.#excessNow(watched.dir);
      // It may have ended while this was measured.
      if (message !== null && this.#watched.delete(watched)) watched.onExceeded(message);
    }
    this.#isMeasuring = false;
    const tookMs = this.#monotonicMs() - startedMs;
    if (this.#watched.size > 0)
      this.#schedule(Math.min(maxIntervalMs, Math.max(intervalMs, tookMs / maxShare)));
  }
}

interface Size {
  bytes: number;
  entries: number;
  /** The first folder that could not be read. */
  unreadable: string | null;
}

/** Counts until it is too much. Follows no symlink, and holds no more than the folders that are still to be read. */
async function measure(root: string): Promise<Size> {
  const size: Size = { bytes: 0, entries: 0, unreadable: null };
  const folders = [root];
  for (let dir = folders.pop(); dir !== undefined; dir = folders.pop()) {
    try {
      await measureFolder(dir, size, folders);
    } catch (error) {
      // What the plugin can do to keep it from being measured.
      if (['EACCES', 'EPERM', 'ENAMETOOLONG'].includes(errorCode(error))) return { ...size, unreadable: dir };
      if (!isGone(error)) throw error;
    }
    if (size.bytes > maxBytes || size.entries > maxEntries) break;
  }
  return size;
}

async function measureFolder(dir: string, size: Size, folders: string[]): Promise<void> {
  const files: string[] = [];
  for await (const entry of await opendir(dir, { bufferSize: batchSize })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) folders.push(path);
    else files.push(path);
    size.entries += 1;
    if (files.length === batchSize) size.bytes += await bytesOf(files.splice(0));
    if (size.bytes > maxBytes || size.entries > maxEntries) break;
  }
  size.bytes += await bytesOf(files);
}

async function bytesOf(files: readonly string[]): Promise<number> {
  const sizes = await Promise.all(files.map(bytesOfFile));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

/** A file that has gone meanwhile has none. */
async function bytesOfFile(file: string): Promise<number> {
  try {
    return (await lstat(file)).size;
  } catch (error) {
    if (isGone(error)) return 0;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(errorCode(error));
}

function mebibytes(bytes: number): number {
  return Math.round((bytes / 1024 / 1024) * 10) / 10;
}
