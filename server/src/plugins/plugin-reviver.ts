import { messageOf, PluginError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Supervisor } from '../plugin-process/supervisor.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import type { PluginActivator } from './plugin-activator.ts';
import type { PluginRecord } from './plugin-record.ts';
import type { PluginRepository } from './plugin-repository.ts';
import type { PluginRollback } from './plugin-rollback.ts';
import type { PluginRunner } from './plugin-runner.ts';

/** As many of the last log lines as are shown where stderr says nothing. */
const shownLogLines = 5;

interface Options {
  repository: PluginRepository;
  runner: PluginRunner;
  supervisor: Supervisor;
  activator: PluginActivator;
  rollback: PluginRollback;
  queue: KeyedQueue;
  logger: Logger;
  /** False while no plugin may run: safe mode, or plugins are paused. */
  mayRun: () => boolean;
}

/** Carries out what the supervisor decides about plugins that have crashed, each in its turn of the queue. */
export class PluginReviver {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Starts the plugin again or records that it is over, unless an operation comes first. */
  settle(name: string): void {
    const { queue, logger } = this.#options;
    queue
      .run(name, () => this.#settle(name), Number.POSITIVE_INFINITY)
      .catch((error: unknown) => logger.error({ plugin: name, err: error }, 'plugin.crash-not-settled'));
  }

  async #settle(name: string): Promise<void> {
    const { supervisor, repository, mayRun } = this.#options;
    const verdict = supervisor.claim(name);
    if (verdict === null) return;
    const record = await repository.find(name);
    if (record?.status !== 'active') return;
    if (verdict.kind === 'give-up') await this.#giveUp(record, verdict.reason);
    else if (mayRun()) await this.#restart(record);
  }

  async #restart(record: PluginRecord): Promise<void> {
    const { activator, supervisor, runner, logger } = this.#options;
    const { name } = record;
    try {
      await activator.revive(record);
      runner.log(name).write('host', `started again (restart ${supervisor.restarts(name)})`);
    } catch (error) {
      const reason = messageOf(error);
      await runner.discard(name);
      logger.warn({ plugin: name, err: error }, 'plugin.restart-failed');
      runner.log(name).write('host', `it did not start again: ${reason.split('\n', 1).join('')}`);
      supervisor.crashed(name, { reason, curable: !(error instanceof PluginError) });
    }
  }

  /** The one place where an active plugin ends in `error`; one that is new goes back to the version before. */
  async #giveUp(record: PluginRecord, reason: string): Promise<void> {
    const { activator, rollback, mayRun } = this.#options;
    await activator.giveUp(record, await this.#withLastLines(record.name, reason));
    if (mayRun()) await rollback.rescue(record.name, reason);
  }

  async #withLastLines(name: string, reason: string): Promise<string> {
    if (reason.includes('\n')) return reason;
    const lines = await this.#options.runner.log(name).tail(shownLogLines);
    return [`${reason}\nLast of its log:`, ...lines.map(({ text }) => text)].join('\n');
  }
}
