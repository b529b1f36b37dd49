import type { FailurePolicy, HookName } from '@omniroute/shared/hook';
import type { Runtime } from '../runtime.ts';
import { type HookCell, type HookTotals, mergeCell, mergeTotals, newCell } from './hook-cell.ts';

const msPerMinute = 60_000;
const successesPerSecond = 10;
/** How many minutes of one hook may wait to be written, and how many calls of all. */
const maxMinutes = 60;
const maxSamples = 20_000;
const maxMessageLength = 1_000;

/** How a call went. `CANCELLED` is a caller that left; what follows it are failures. */
type HookOutcome =
  | 'DONE'
  | 'BLOCKED'
  | 'CANCELLED'
  | 'THROW'
  | 'TIMEOUT'
  | 'INVALID_RETURN'
  | 'OVERLOADED'
  | 'NOT_RUNNING'
  | 'EXITED';

export interface CountedCall {
  plugin: string;
  hook: HookName;
  /** What a failure came to: `open` a bypass, `closed` a refusal. Null where no request depends on the hook. */
  policy: FailurePolicy | null;
  durationMs: number;
  outcome: HookOutcome;
  /** Why it failed. */
  message?: string | undefined;
}

/** One call for `plugin_analytics`. */
export interface CallSample {
  plugin: string;
  hook: HookName;
  durationMs: number;
  /** `FAILURE: message`; null for a success. */
  error: string | null;
  /** Epoch milliseconds. */
  at: number;
}

/** What waits to be written. */
export interface Batch {
  cells: HookCell[];
  /** What is left of minutes that had to be dropped: it goes into the totals only. */
  totals: HookTotals[];
  samples: CallSample[];
}

interface PendingHook {
  /** By minute, oldest first. */
  cells: Map<number, HookCell>;
  current: HookCell | null;
  totals: HookTotals | null;
  /** The second that `successes` were sampled in. */
  second: number;
  successes: number;
}

/** Counts hook calls in memory. It is on every request's path: a few additions for each call, no waiting. */
export class HookRecorder {
  readonly #runtime: Runtime;
  #plugins = new Map<string, Map<HookName, PendingHook>>();
  #samples: CallSample[] = [];
  #changed = false;
  #dropped = { samples: 0, minutes: 0 };

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Whether anything waits to be written. */
  get hasPending(): boolean {
    return this.#changed;
  }

  record({ plugin, hook, policy, durationMs, outcome, message }: CountedCall): void {
    const now = this.#runtime.now().getTime();
    const pending = this.#pending(plugin, hook);
    const cell = this.#cell(pending, plugin, hook, now);
    cell.calls += 1;
    cell.totalDurationMs += durationMs;
    cell.lastCalledAt = now;
    switch (outcome) {
      case 'CANCELLED':
        return;
      case 'BLOCKED':
        cell.blocks += 1;
        break;
      case 'DONE':
        break;
      case 'TIMEOUT':
      case 'THROW':
      case 'INVALID_RETURN':
      case 'OVERLOADED':
      case 'NOT_RUNNING':
      case 'EXITED':
        cell.errors += 1;
        if (outcome === 'TIMEOUT') cell.timeouts += 1;
        if (policy === 'open') cell.bypasses += 1;
        if (policy === 'closed') cell.refusals += 1;
    }
    // A call that did not reach the plugin says nothing of how fast it is.
    if (outcome !== 'OVERLOADED' && outcome !== 'NOT_RUNNING') cell.histogram.record(durationMs);
    if (outcome === 'DONE' || outcome === 'BLOCKED') {
      if (this.#takesSuccess(pending, now)) this.#sample({ plugin, hook, durationMs, error: null, at: now });
    } else {
      const error = `${outcome}: ${message ?? ''}`.slice(0, maxMessageLength);
      this.#sample({ plugin, hook, durationMs, error, at: now });
    }
  }

  /** Counts a response that went past a hook, or was refused for it, without a call. */
  recordUnseen({ plugin, hook, policy }: Pick<CountedCall, 'plugin' | 'hook' | 'policy'>): void {
    const now = this.#runtime.now().getTime();
    const cell = this.#cell(this.#pending(plugin, hook), plugin, hook, now);
    if (policy === 'closed') cell.refusals += 1;
    else cell.bypasses += 1;
  }

  /** Hands over everything that waits. What is not written after all comes back by {@link giveBack}. */
  take(): Batch {
    const hooks = [...this.#plugins.values()].flatMap((of) => [...of.values()]);
    const batch = {
      cells: hooks.flatMap(({ cells }) => [...cells.values()]),
      totals: hooks.flatMap(({ totals }) => (totals ? [totals] : [])),
      samples: this.#samples,
    };
    for (const pending of hooks) {
      pending.cells = new Map();
      pending.current = null;
      pending.totals = null;
    }
    this.#samples = [];
    this.#changed = false;
    return batch;
  }

  /** Takes back what could not be written. Counts merge; beyond the limits the newest samples and the oldest minutes go. */
  giveBack({ cells, totals, samples }: Batch): void {
    const returned = Map.groupBy(cells, ({ plugin, hook }) => this.#pending(plugin, hook));
    for (const [pending, earlier] of returned) restoreCells(pending, earlier);
    for (const total of totals) addTotals(this.#pending(total.plugin, total.hook), total);
    for (const of of this.#plugins.values()) for (const pending of of.values()) this.#limitMinutes(pending);
    const all = [...samples, ...this.#samples];
    this.#samples = all.slice(0, maxSamples);
    this.#dropped.samples += all.length - this.#samples.length;
    this.#changed = true;
  }

  /** Drops what waits of a plugin that is gone. */
  forget(plugin: string): void {
    this.#plugins.delete(plugin);
    this.#samples = this.#samples.filter((sample) => sample.plugin !== plugin);
  }

  /** What the limits have cost since this was last asked. */
  takeDropped(): { samples: number; minutes: number } {
    const dropped = this.#dropped;
    this.#dropped = { samples: 0, minutes: 0 };
    return dropped;
  }

  #pending(plugin: string, hook: HookName): PendingHook {
    const hooks = this.#plugins.get(plugin) ?? new Map<HookName, PendingHook>();
    const known = hooks.get(hook);
    if (known) return known;
    const pending = { cells: new Map(), current: null, totals: null, second: 0, successes: 0 };
    hooks.set(hook, pending);
    this.#plugins.set(plugin, hooks);
    return pending;
  }

  #cell(pending: PendingHook, plugin: string, hook: HookName, now: number): HookCell {
    const minute = now - (now % msPerMinute);
    if (pending.current?.minute === minute) return pending.current;
    // The clock may have been set back to a minute that waits already.
    const cell = pending.cells.get(minute) ?? newCell(plugin, hook, minute);
    pending.cells.set(minute, cell);
    pending.current = cell;
    this.#changed = true;
    this.#limitMinutes(pending);
    return cell;
  }

  #takesSuccess(pending: PendingHook, now: number): boolean {
    const second = Math.floor(now / 1_000);
    if (pending.second !== second) {
      pending.second = second;
      pending.successes = 0;
    }
    pending.successes += 1;
    return pending.successes <= successesPerSecond;
  }

  #sample(sample: CallSample): void {
    if (this.#samples.length < maxSamples) this.#samples.push(sample);
    else this.#dropped.samples += 1;
  }

  /** Counts of minutes that have to go stay in the totals, which are exact. */
  #limitMinutes(pending: PendingHook): void {
    for (const [minute, cell] of pending.cells) {
      if (pending.cells.size <= maxMinutes) return;
      if (cell === pending.current) continue;
      pending.cells.delete(minute);
      addTotals(pending, cell);
      this.#dropped.minutes += 1;
    }
  }
}

/** Puts `earlier` cells before those that were begun since. */
function restoreCells(pending: PendingHook, earlier: HookCell[]): void {
  const since = pending.cells;
  pending.cells = new Map(earlier.map((cell) => [cell.minute, cell]));
  for (const [minute, cell] of since) {
    const same = pending.cells.get(minute);
    if (same) mergeCell(same, cell);
    else pending.cells.set(minute, cell);
    if (pending.current === cell) pending.current = same ?? cell;
  }
}

function addTotals(pending: PendingHook, { plugin, hook, ...counts }: HookTotals): void {
  const { calls, errors, totalDurationMs, lastCalledAt } = counts;
  const totals = { plugin, hook, calls, errors, totalDurationMs, lastCalledAt };
  if (pending.totals) mergeTotals(pending.totals, totals);
  else pending.totals = totals;
}
