import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { EventBus } from '../event-bus.ts';
import type { Logger } from '../logger.ts';
import type { Runtime } from '../runtime.ts';
import type { AnalyticsRepository } from './analytics-repository.ts';
import { AnalyticsService } from './analytics-service.ts';
import { AnalyticsWriter } from './analytics-writer.ts';
import { type CountedCall, HookRecorder } from './hook-recorder.ts';
import { Retention } from './retention.ts';

const flushEveryMs = 1_000;

interface Options {
  repository: AnalyticsRepository;
  events: EventBus;
  runtime: Runtime;
  logger: Logger;
  retentionDays: number;
}

/** Counts hook calls: in memory at once, in the database within a second. */
export class Analytics {
  readonly service: AnalyticsService;
  readonly #options: Options;
  readonly #recorder: HookRecorder;
  readonly #writer: AnalyticsWriter;
  readonly #retention: Retention;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: Options) {
    const { repository, events, runtime, logger, retentionDays } = options;
    this.#options = options;
    this.#recorder = new HookRecorder(runtime);
    this.#retention = new Retention(retentionDays, { repository, runtime, logger });
    this.#writer = new AnalyticsWriter({
      recorder: this.#recorder,
      repository,
      events,
      logger,
      onCallsWritten: (count) => this.#retention.written(count),
    });
    this.service = new AnalyticsService({ repository, runtime, flush: () => this.#writer.flush() });
  }

  /** Begins to write and to clean up. */
  start(): void {
    this.#timer = setInterval(() => void this.#writer.flush(), flushEveryMs).unref();
    this.#retention.start();
  }

  called(call: CountedCall): void {
    this.#recorder.record(call);
  }

  /** A response went past a hook, or was refused for it, without a call. */
  unseen(hook: Pick<CountedCall, 'plugin' | 'hook' | 'policy'>): void {
    this.#recorder.recordUnseen(hook);
  }

  /** How many days calls and minutes are kept. */
  keep(days: number): void {
    this.#retention.keep(days);
  }

  /**
   * Deletes what is known of a plugin, a few rows at a time. Never rejects: what it leaves behind goes with the
   * plugin's row.
   */
  async forget(plugin: string): Promise<void> {
    this.#recorder.forget(plugin);
    try {
      while ((await this.#options.repository.deletePlugin(plugin)) > 0) await setImmediate();
    } catch (error) {
      this.#options.logger.warn({ plugin, reason: messageOf(error) }, 'analytics.not-forgotten');
    }
  }

  /** Writes what is left. The database must be open until this has resolved. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#retention.stop();
    await this.#writer.finish();
  }
}
