import type { Runtime } from '../runtime.ts';
import { crashWindowMs, maxCrashes, nextRestart, withCrash } from './restart-policy.ts';

interface Options {
  runtime: Runtime;
  /** The wait for a restart is over, or there will be none: {@link Supervisor.claim} says which. Must not throw. */
  onDue: (name: string) => void;
  /** When a process is started again has changed. */
  onChange: (name: string) => void;
}

export interface Crash {
  /** What the service saw, with the last of stderr. */
  reason: string;
  /** False for what comes back with every start: no restart is tried then. */
  curable: boolean;
}

/** What is to be done about a process that has crashed. */
export type Verdict = { kind: 'restart' } | { kind: 'give-up'; reason: string };

interface Plan {
  verdict: Verdict;
  dueAtMs: number;
  /** Null once it is due. */
  timer: NodeJS.Timeout | null;
}

/**
 * Decides when a process that ended without being asked to is started again, and when that has no use any more. What it
 * decides is carried out by whoever claims it; an operation that comes first cancels it.
 */
export class Supervisor {
  readonly #options: Options;
  readonly #crashes = new Map<string, number[]>();
  readonly #restarts = new Map<string, number>();
  readonly #plans = new Map<string, Plan>();
  #isClosed = false;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Takes note of a crash. Does nothing once the service is stopping. */
  crashed(name: string, { reason, curable }: Crash): void {
    if (this.#isClosed) return;
    const { runtime, onChange } = this.#options;
    const nowMs = runtime.monotonicMs();
    const crashes = withCrash(this.#crashes.get(name) ?? [], nowMs);
    this.#crashes.set(name, crashes);
    this.cancel(name);
    const delayMs = curable ? nextRestart(crashes, runtime.random()) : 'give-up';
    if (delayMs === 'give-up') {
      const minutes = crashWindowMs / 60_000;
      const why = curable
        ? `It crashed ${maxCrashes} times within ${minutes} minutes. The last time: ${reason}`
        : reason;
      this.#plans.set(name, { verdict: { kind: 'give-up', reason: why }, dueAtMs: nowMs, timer: null });
      this.#options.onDue(name);
    } else {
      const timer = setTimeout(() => this.#expire(name), delayMs);
      this.#plans.set(name, { verdict: { kind: 'restart' }, dueAtMs: nowMs + delayMs, timer });
      onChange(name);
    }
  }

  /** What is due, once: null where it was cancelled, or there is still time. */
  claim(name: string): Verdict | null {
    const plan = this.#plans.get(name);
    if (!plan || plan.timer !== null) return null;
    this.#plans.delete(name);
    if (plan.verdict.kind === 'restart') this.#restarts.set(name, this.restarts(name) + 1);
    return plan.verdict;
  }

  /** An operation has come first. The crashes are not forgotten. */
  cancel(name: string): void {
    const plan = this.#plans.get(name);
    this.#plans.delete(name);
    if (plan?.timer) clearTimeout(plan.timer);
  }

  /** An operator starts it, or it is gone: what was before does not count. */
  forget(name: string): void {
    this.cancel(name);
    this.#crashes.delete(name);
    this.#restarts.delete(name);
  }

  /** When the process is to be started again, as ISO 8601; null where it is not. */
  nextRestartAt(name: string): string | null {
    const plan = this.#plans.get(name);
    if (plan?.verdict.kind !== 'restart') return null;
    const { runtime } = this.#options;
    const leftMs = Math.max(0, plan.dueAtMs - runtime.monotonicMs());
    return new Date(runtime.now().getTime() + leftMs).toISOString();
  }

  /** How often it was started again since an operator did. */
  restarts(name: string): number {
    return this.#restarts.get(name) ?? 0;
  }

  /** Starts nothing any more. */
  close(): void {
    this.#isClosed = true;
    for (const name of this.#plans.keys()) this.cancel(name);
  }

  #expire(name: string): void {
    const plan = this.#plans.get(name);
    if (!plan) return;
    plan.timer = null;
    this.#options.onDue(name);
  }
}
