import { readdir, readFile, readlink } from 'node:fs/promises';

/** Whether a process runs: one that has ended and is not reaped yet (Z) does not. Linux only. */
export async function isAlive(pid: number | null): Promise<boolean> {
  const state = pid === null ? undefined : (await stat(pid))?.state;
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** The processes that `pid` has started and that run, and those that they have started. */
export async function descendantsOf(pid: number): Promise<number[]> {
  const all = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const stats = await Promise.all(all.map(async (child) => ({ child, ...(await stat(child)) })));
  const running = stats.filter(({ state }) => state !== undefined && state !== 'Z');
  const found = [pid];
  for (const next of found)
    found.push(...running.flatMap(({ child, parent }) => (parent === next ? [child] : [])));
  return found.slice(1);
}

/** Those of {@link descendantsOf} that have started none: what runs in a sandbox, without the processes around it. */
export async function leavesOf(pid: number): Promise<number[]> {
  const all = await descendantsOf(pid);
  const parents = new Set(await Promise.all(all.map(async (child) => (await stat(child))?.parent)));
  return all.filter((child) => !parents.has(child));
}

/** The number by which a process knows itself, in a sandbox or not. */
export async function numberInside(pid: number | null): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^NSpid:.*\t(\d+)$/m.exec(status)?.[1]);
}

/** The processes that run with `path` in their command line. */
export async function processesOf(path: string): Promise<number[]> {
  const all = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const own = await Promise.all(
    all.map(async (pid) => {
      const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return commandLine.includes(path) && (await isAlive(pid)) ? [pid] : [];
    }),
  );
  return own.flat();
}

/** The process group of `pid`, and what its open descriptors are. */
export async function processFacts(
  pid: number,
): Promise<{ group: number; descriptors: Record<string, string> }> {
  const numbers = await readdir(`/proc/${pid}/fd`);
  const open = await Promise.all(
    numbers.map(async (fd) => [fd, await readlink(`/proc/${pid}/fd/${fd}`)] as const),
  );
  return { group: (await stat(pid))?.group ?? 0, descriptors: Object.fromEntries(open) };
}

interface Stat {
  state: string;
  parent: number;
  group: number;
}

async function stat(pid: number): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name in parentheses can hold anything, parentheses too.
  const [state, parent, group] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return state ? { state, parent: Number(parent), group: Number(group) } : undefined;
}
