import { readdir, readFile } from 'node:fs/promises';

/** How far behind its parent's the number of a process is looked for before every process is. */
const nearby = 64;

/** The process that `pid` has started, where that is one. Null where there is none, or no /proc to tell it. */
export async function childOf(pid: number): Promise<number | null> {
  // Numbers are given out in order, and a parent that starts one at once is its neighbour.
  for (let candidate = pid + 1; candidate <= pid + nearby; candidate += 1) {
    if ((await parentOf(candidate)) === pid) return candidate;
  }
  return (await descendantsOf(pid))[0] ?? null;
}

/** Every process that descends from `pid`, the nearest first. */
export async function descendantsOf(pid: number): Promise<number[]> {
  const children = new Map<number, number[]>();
  const names = await readdir('/proc').catch(() => []);
  for (const candidate of names.filter((name) => /^\d+$/.test(name)).map(Number)) {
    const parent = await parentOf(candidate);
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), candidate]);
  }
  const found = [...(children.get(pid) ?? [])];
  for (const next of found) found.push(...(children.get(next) ?? []));
  return found;
}

async function parentOf(pid: number): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name in parentheses can hold anything, parentheses too.
  const parent = text.slice(text.lastIndexOf(')') + 2).split(' ')[1];
  return parent === undefined ? null : Number(parent);
}
