import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Runtime } from '../runtime.ts';
import type { AnalyticsRepository } from './analytics-repository.ts';

const everyMs = 60 * 60_000;
/** How many calls stay, however new they are. */
const maxCalls = 200_000;
const msPerDay = 24 * 60 * 60_000;
/** Calls that may be written before those beyond the newest are looked for again. */
const callsBetweenTrims = 10_000;
/** The clock may be set by so much within an hour without being doubted. */
const clockToleranceMs = 60 * 60_000;

interface Options {
  repository: AnalyticsRepository;
  runtime: Runtime;
  logger: Logger;
}

/** Deletes what is older than the operator wants to keep, and calls beyond the newest 200 000, a few at a time. */
export class Retention {
  readonly #options: Options;
  readonly #stopping = new AbortController();
  #days: number;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();
  #written = 0;
  #clock: { wallMs: number; steadyMs: number };

  constructor(days: number, options: Options) {
    this.#days = days;
    this.#options = options;
    this.#clock = this.#readClock();
  }

  /** Begins, and goes on every hour. */
  start(): void {
    this.#timer = setInterval(() => this.#everyHour(), everyMs).unref();
    this.#run();
  }

  /** Takes another number of days, which holds at once. */
  keep(days: number): void {
    if (days === this.#days) return;
    this.#days = days;
    this.#run();
  }

  /** Counts calls that were written: enough of them are looked through before the hour is over. */
  written(calls: number): void {
    this.#written += calls;
    if (this.#written < callsBetweenTrims) return;
    this.#written = 0;
    this.#enqueue(() => this.#trim());
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#work;
  }

  /** A clock that was set forward would make everything old at once: it is believed an hour later. */
  #everyHour(): void {
    const { wallMs, steadyMs } = this.#clock;
    const now = this.#readClock();
    const jumpMs = now.wallMs - wallMs - (now.steadyMs - steadyMs);
    if (jumpMs > clockToleranceMs) {
      this.#clock = now;
      this.#options.logger.warn({ jumpMs: Math.round(jumpMs) }, 'analytics.clock-was-set');
    } else this.#run();
  }

  #run(): void {
    this.#clock = this.#readClock();
    this.#enqueue(async () => {
      const { repository, runtime } = this.#options;
      const cutoff = new Date(runtime.now().getTime() - this.#days * msPerDay);
      await this.#repeat(() => repository.deleteBefore(cutoff));
      await this.#trim();
    });
  }

  async #trim(): Promise<void> {
    const { repository } = this.#options;
    const last = await repository.newestBeyond(maxCalls);
    if (last !== null) await this.#repeat(() => repository.deleteUpTo(last));
  }

  async #repeat(deleteSome: () => Promise<number>): Promise<void> {
    while (!this.#stopping.signal.aborted && (await deleteSome()) > 0) await setImmediate();
  }

  /** What fails is tried again within the hour. */
  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.#options.logger.warn({ reason: messageOf(error) }, 'analytics.not-trimmed');
    });
  }

  #readClock(): { wallMs: number; steadyMs: number } {
    return { wallMs: this.#options.runtime.now().getTime(), steadyMs: performance.now() };
  }
}
