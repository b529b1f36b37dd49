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

interface Watched {
  pid: number;
  times: Times | null;
  atMs: number;
  standsBack: boolean;
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

  /** Returns the function that ends the watch. */
  watch(pid: number): () => void {
    const watched = { pid, times: null, atMs: this.#monotonicMs(), standsBack: false };
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
    const { times: before, atMs: since } = watched;
    const times = await timesOf(watched.pid);
    watched.times = times;
    watched.atMs = this.#monotonicMs();
    if (times === null || before === null) return;
    const ran = (times.ranMs - before.ranMs) / (watched.atMs - since);
    const waited = (times.waitedMs - before.waitedMs) / (watched.atMs - since);
    const isBusy = ran > busyShare || (ran > contendedShare && ran + waited > runnableShare);
    const standsBack = isBusy || (watched.standsBack && ran + waited > calmShare);
    if (standsBack === watched.standsBack) return;
    watched.standsBack = standsBack;
    const { PRIORITY_LOW, PRIORITY_NORMAL } = constants.priority;
    const priority = standsBack ? PRIORITY_LOW : PRIORITY_NORMAL;
    const threads = await threadsOf(watched.pid);
    // It may have ended, and its pid be another's, while this was read.
    if (!this.#watched.has(watched)) return;
    for (const thread of threads) setPriorityOf(thread, priority);
    await setGroupPriority(watched.pid, priority);
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
