import { readdir, readFile, writeFile } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { errorCode } from '../errors.ts';

const intervalMs = 1_000;
/** Of one core, over the last interval: a process that takes more is busy. */
const busyShare = 0.5;
/** So is one that would run all the time, and takes this much where others want the core as well. */
const contendedShare = 0.1;
const runnableShare = 0.9;
/** Below this, waiting included, it is calm. */
const calmShare = 0.25;
/** `/proc` counts in hundredths of a second, on every machine that Node runs on. */
const msPerTick = 10;

/** Milliseconds that a process has had of a core, and that its main thread has waited for one. */
interface Times {
  ranMs: number;
  waitedMs: number;
}

interface Observed {
  times: Times;
  atMs: number;
  standsBack: boolean;
}

interface Watched {
  pids: () => Promise<number[]>;
  /** What was seen of each process at the last look. */
  observed: Map<number, Observed>;
}

/**
 * Has a plugin's process that keeps a core busy stand back behind the others, so that a plugin that computes, loops or
 * floods takes from an innocent one only what that leaves. One timer for all, off while none runs. Linux only; where the
 * service may not raise a priority, as without privileges, one that has stood back does so until it is started again.
 */
export class CpuPriority {
  readonly #monotonicMs: () => number;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** @param pids the processes that count as one. Returns the function that ends the watch. */
  watch(pids: () => Promise<number[]>): () => void {
    const watched = { pids, observed: new Map<number, Observed>() };
    this.#watched.add(watched);
    this.#schedule();
    return () => {
      this.#watched.delete(watched);
      if (this.#watched.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => void this.#lookAtAll(), intervalMs).unref();
  }

  async #lookAtAll(): Promise<void> {
    for (const watched of this.#watched) await this.#look(watched);
    this.#timer = undefined;
    if (this.#watched.size > 0) this.#schedule();
  }

  async #look(watched: Watched): Promise<void> {
    const pids = await watched.pids();
    for (const gone of watched.observed.keys()) if (!pids.includes(gone)) watched.observed.delete(gone);
    for (const pid of pids) await this.#lookAt(pid, watched);
  }

  async #lookAt(pid: number, watched: Watched): Promise<void> {
    const times = await timesOf(pid);
    const atMs = this.#monotonicMs();
    const before = watched.observed.get(pid);
    if (times === null) return;
    if (before === undefined) {
      watched.observed.set(pid, { times, atMs, standsBack: false });
      return;
    }
    const ran = (times.ranMs - before.times.ranMs) / (atMs - before.atMs);
    const waited = (times.waitedMs - before.times.waitedMs) / (atMs - before.atMs);
    const isBusy = ran > busyShare || (ran > contendedShare && ran + waited > runnableShare);
    const standsBack = isBusy || (before.standsBack && ran + waited > calmShare);
    watched.observed.set(pid, { times, atMs, standsBack });
    if (standsBack === before.standsBack) return;
    const { PRIORITY_LOW, PRIORITY_NORMAL } = constants.priority;
    const priority = standsBack ? PRIORITY_LOW : PRIORITY_NORMAL;
    const threads = await threadsOf(pid);
    // It may have ended, and its pid be another's, while this was read.
    if (!this.#watched.has(watched)) return;
    for (const thread of threads) setPriorityOf(thread, priority);
    await setGroupPriority(pid, priority);
  }
}

/** Null where the machine does not tell it. */
async function timesOf(pid: number): Promise<Times | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name in parentheses can hold anything, parentheses too; what follows begins with the third field.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [fields[11], fields[12]];
  if (user === undefined || system === undefined) return null;
  const [, waitedNs = '0'] = (await readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => '')).split(' ');
  return { ranMs: (Number(user) + Number(system)) * msPerTick, waitedMs: Number(waitedNs) / 1_000_000 };
}

/** A priority is that of a thread on Linux. */
async function threadsOf(pid: number): Promise<number[]> {
  return (await readdir(`/proc/${pid}/task`).catch(() => [])).map(Number);
}

/**
 * Where the kernel groups processes by session (`sched_autogroup`), the priority of a thread counts in its group only, and
 * a plugin's process leads a session of its own. Elsewhere there is no such file, or it has no effect.
 */
async function setGroupPriority(pid: number, priority: number): Promise<void> {
  try {
    await writeFile(`/proc/${pid}/autogroup`, String(priority));
  } catch (error) {
    if (!['ENOENT', 'ESRCH', 'EAGAIN', 'EACCES', 'EPERM', 'EIO', 'EROFS'].includes(errorCode(error)))
      throw error;
  }
}

function setPriorityOf(thread: number, priority: number): void {
  try {
    setPriority(thread, priority);
  } catch (error) {
    // It has ended, or the service may not raise it again.
    if (!['ERR_SYSTEM_ERROR', 'ESRCH', 'EACCES', 'EPERM'].includes(errorCode(error))) throw error;
  }
}
