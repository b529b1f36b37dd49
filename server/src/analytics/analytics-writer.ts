import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { EventBus } from '../event-bus.ts';
import type { Logger } from '../logger.ts';
import { type AnalyticsRepository, rowsPerTurn } from './analytics-repository.ts';
import type { Batch, HookRecorder } from './hook-recorder.ts';

const lastAttempts = 10;
const lastAttemptEveryMs = 100;

interface Options {
  recorder: HookRecorder;
  repository: AnalyticsRepository;
  events: EventBus;
  logger: Logger;
  /** Some calls were written to `plugin_analytics`. */
  onCallsWritten: (count: number) => void;
}

/** Brings what the recorder holds into the database, a little at a time. What cannot be written is kept for later. */
export class AnalyticsWriter {
  readonly #options: Options;
  #flushing: Promise<void> = Promise.resolve();
  /** The database has taken nothing since the last attempt. */
  #failing = false;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Writes all that was recorded until now. Never rejects: a failure is logged, once until it is over. */
  async flush(): Promise<void> {
    // Also waits for a flush under way, so that what it writes is there.
    this.#flushing = this.#flushing.then(() => this.#flush());
    await this.#flushing;
  }

  /** The last flush: waits up to a second for a database that is busy. */
  async finish(): Promise<void> {
    const { recorder, logger } = this.#options;
    for (let attempt = 1; attempt <= lastAttempts; attempt += 1) {
      await this.flush();
      if (!recorder.hasPending) return;
      await new Promise((resolve) => setTimeout(resolve, lastAttemptEveryMs));
    }
    logger.error('analytics.lost-at-stop');
  }

  async #flush(): Promise<void> {
    const { recorder, repository, events, logger } = this.#options;
    if (!recorder.hasPending) return;
    const waiting = inTurns(recorder.take());
    const changed = new Set<string>();
    try {
      for (let batch = waiting[0]; batch !== undefined; batch = waiting[0]) {
        for (const name of await repository.add(batch)) changed.add(name);
        this.#options.onCallsWritten(batch.samples.length);
        waiting.shift();
        if (waiting.length > 0) await setImmediate();
      }
      if (this.#failing) logger.info('analytics.written-again');
      this.#failing = false;
      this.#tellDropped();
    } catch (error) {
      recorder.giveBack(joined(waiting));
      if (!this.#failing) logger.warn({ reason: messageOf(error) }, 'analytics.not-written');
      this.#failing = true;
    }
    if (changed.size > 0) events.publish({ topic: 'metrics', names: [...changed] });
  }

  #tellDropped(): void {
    const { recorder, logger } = this.#options;
    const dropped = recorder.takeDropped();
    if (dropped.samples > 0 || dropped.minutes > 0) logger.warn(dropped, 'analytics.dropped');
  }
}

/** Parts of the batch that are small enough for one turn each. */
function inTurns({ cells, totals, samples }: Batch): Batch[] {
  const none = { cells: [], totals: [], samples: [] };
  return [
    ...chunks(cells, rowsPerTurn / 2).map((some) => ({ ...none, cells: some })),
    ...chunks(totals, rowsPerTurn).map((some) => ({ ...none, totals: some })),
    ...chunks(samples, rowsPerTurn).map((some) => ({ ...none, samples: some })),
  ];
}

function joined(batches: Batch[]): Batch {
  return {
    cells: batches.flatMap(({ cells }) => cells),
    totals: batches.flatMap(({ totals }) => totals),
    samples: batches.flatMap(({ samples }) => samples),
  };
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
