import { readFile } from 'node:fs/promises';

/**
 * Resident set size in bytes: cheap to read, but every process counts the pages that it shares. Null where the machine
 * does not tell it, or the process is gone.
 */
export function residentBytes(pid: number): Promise<number | null> {
  // Not `statm`: it counts pages, and Node does not tell how large they are.
  return readKilobytes(`/proc/${pid}/status`, /^VmRSS:\s+(\d+) kB/m);
}

/** Proportional set size in bytes: its own pages, and its share of the others. Null as with {@link residentBytes}. */
export function proportionalBytes(pid: number): Promise<number | null> {
  return readKilobytes(`/proc/${pid}/smaps_rollup`, /^Pss:\s+(\d+) kB/m);
}

async function readKilobytes(path: string, pattern: RegExp): Promise<number | null> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const kilobytes = pattern.exec(text)?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}
