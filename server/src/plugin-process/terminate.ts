import type { ChildProcess } from 'node:child_process';
import { errorCode } from '../errors.ts';

const sigtermAfterMs = 1_000;
const sigkillAfterMs = 3_000;

/**
 * Ends a process group and awaits its leader's exit: the caller has asked politely over the channel; SIGTERM
 * follows after 1 s, SIGKILL 3 s later.
 */
export async function terminate(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  const term = setTimeout(() => signalGroup(child, 'SIGTERM'), sigtermAfterMs);
  const kill = setTimeout(() => signalGroup(child, 'SIGKILL'), sigtermAfterMs + sigkillAfterMs);
  await exited;
  clearTimeout(term);
  clearTimeout(kill);
}

/** Signals the whole group that `child` leads. A group that is gone is no error. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}
