import { messageOf, PluginError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import type { PluginActivator } from './plugin-activator.ts';
import type { PluginFiles } from './plugin-files.ts';
import type { PluginRecord } from './plugin-record.ts';
import type { PluginRecovery } from './plugin-recovery.ts';
import type { PluginRepository } from './plugin-repository.ts';
import type { PluginRollback } from './plugin-rollback.ts';
import type { PluginRunner } from './plugin-runner.ts';

interface Options {
  repository: PluginRepository;
  files: PluginFiles;
  runner: PluginRunner;
  activator: PluginActivator;
  rollback: PluginRollback;
  recovery: PluginRecovery;
  queue: KeyedQueue;
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
    const { repository, activator, recovery, queue, mayRun, logger } = this.#options;
    const enabled = (await repository.list()).filter((record) => record.enabled);
    const settle = async (name: string) => {
      const record = await repository.find(name);
      if (!record?.enabled) return;
      activator.register(record);
      await recovery.settle(name);
      if (!mayRun()) await activator.suspend(record);
      else if (!this.#options.runner.isRunning(name)) await this.#bringUp(record);
    };
    await Promise.all(
      enabled.map(({ name }) =>
        queue
          .run(name, () => settle(name))
          .catch((error: unknown) => {
            logger.warn({ plugin: name, reason: messageOf(error) }, 'plugin.start-failed');
          }),
      ),
    );
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
      const isItsFault = error instanceof PluginError && error.code === 'ACTIVATION_FAILED';
      if (!isItsFault || !(await rollback.rescue(record.name, messageOf(error)))) throw error;
    }
  }
}
