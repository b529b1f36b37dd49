import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import type { PluginActivator } from './plugin-activator.ts';
import type { PluginFiles } from './plugin-files.ts';
import type { PluginRecord } from './plugin-record.ts';
import type { PluginRecovery } from './plugin-recovery.ts';
import type { PluginRepository } from './plugin-repository.ts';
import type { PluginRollback } from './plugin-rollback.ts';
import type { PluginRunner } from './plugin-runner.ts';
import type { PluginTurns } from './plugin-turns.ts';
import { isPluginsFault } from './plugins-fault.ts';

interface Options {
  repository: PluginRepository;
  files: PluginFiles;
  runner: PluginRunner;
  activator: PluginActivator;
  rollback: PluginRollback;
  recovery: PluginRecovery;
  queue: KeyedQueue;
  turns: PluginTurns;
  logger: Logger;
  /** False while no plugin may run: safe mode, or plugins are paused. */
  mayRun: () => boolean;
}

/** Brings all enabled plugins up and down together: when the service starts and stops, and when plugins are paused. */
export class PluginStarter {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Settles the journal, then starts every enabled plugin. One that fails ends in `error` and stops nobody else. */
  async start(): Promise<void> {
    const { files, recovery } = this.#options;
    await files.prepare();
    await recovery.settleAll();
    await this.applyPause();
  }

  /** Starts or suspends every enabled plugin, after whether plugins may run has changed. */
  async applyPause(): Promise<void> {
    const { repository, queue, logger } = this.#options;
    // What is under way may be enabling a plugin, or installing one.
    const busy = queue.busy();
    const names = new Set([...(await repository.list()).map(({ name }) => name), ...busy]);
    const applied = [...names].map(async (name) => {
      try {
        await queue.run(name, () => this.#apply(name), Number.POSITIVE_INFINITY);
      } catch (error) {
        logger.warn({ plugin: name, reason: messageOf(error) }, 'plugin.start-failed');
      }
    });
    await Promise.all(applied);
  }

  async #apply(name: string): Promise<void> {
    const { repository, activator, turns, runner, mayRun } = this.#options;
    const before = await repository.find(name);
    // Also where its files cannot be put in order: a guard that does not run is still a guard.
    if (before?.enabled) activator.register(before);
    await turns.settle(name);
    const record = await repository.find(name);
    if (!record) return;
    const isUp = record.status === 'active' || runner.isRunning(name);
    if (!mayRun() && isUp) await activator.suspend(record);
    if (mayRun() && record.enabled && !runner.isRunning(name)) await this.#bringUp(record);
  }

  /** Refuses new operations, and makes those under way end or undo themselves soon. Hooks go on. */
  interrupt(): void {
    this.#options.queue.close();
    this.#options.runner.abort();
  }

  /** Stops every process; what was active stays so in the database, and runs again after the next start. */
  async stop(): Promise<void> {
    this.interrupt();
    await this.#options.queue.idle();
    await this.#options.runner.stopAll();
  }

  /** Starts what nobody has asked for just now: a version that is new and fails is taken back. */
  async #bringUp(record: PluginRecord): Promise<void> {
    const { activator, rollback } = this.#options;
    try {
      await activator.resume(record);
    } catch (error) {
      if (!isPluginsFault(error) || !(await rollback.rescue(record.name, messageOf(error)))) throw error;
    }
  }
}
