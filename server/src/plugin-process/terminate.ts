import { errorCode } from '../errors.ts';

const sigtermAfterMs = 1_000;
const sigkillAfterMs = 3_000;

interface Signalled {
  signal(signal: NodeJS.Signals): void;
}

/**
 * Ends a process with all that it has started and awaits its exit: the caller has asked politely over the channel;
 * SIGTERM follows after 1 s, SIGKILL 3 s later.
 */
export async function terminate(child: Signalled, exited: Promise<unknown>): Promise<void> {
  const term = setTimeout(() => child.signal('SIGTERM'), sigtermAfterMs);
  const kill = setTimeout(() => child.signal('SIGKILL'), sigtermAfterMs + sigkillAfterMs);
  await exited;
  clearTimeout(term);
  clearTimeout(kill);
}

/** Signals the whole group that `leader` leads. A group that is gone is no error. */
export function signalGroup(leader: number | undefined, signal: NodeJS.Signals): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}
