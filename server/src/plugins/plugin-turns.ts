import type { EventBus } from '../event-bus.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { HookRegistry } from '../pipeline/hook-registry.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import type { OperationKind } from './operation.ts';
import type { PluginActivator } from './plugin-activator.ts';
import type { PluginRecovery } from './plugin-recovery.ts';
import type { PluginRepository } from './plugin-repository.ts';
import type { PluginRunner } from './plugin-runner.ts';

interface Options {
  queue: KeyedQueue;
  recovery: PluginRecovery;
  repository: PluginRepository;
  registry: HookRegistry;
  activator: PluginActivator;
  runner: PluginRunner;
  events: EventBus;
  logger: Logger;
  /** False while no plugin may run: safe mode, or plugins are paused. */
  mayRun: () => boolean;
}

/** Work on a plugin comes in turns, and none begins on what an earlier operation has left half done. */
export class PluginTurns {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Runs `work` in the plugin's turn. Rejects as KeyedQueue and {@link settle} do; the work has not begun then. */
  take<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#options.queue.run(name, async () => {
      await this.settle(name);
      try {
        return await work();
      } finally {
        await this.#resumeStranded(name);
      }
    });
  }

  /**
   * Settles what an earlier operation on the plugin has left, and brings hooks and process in line with the row that comes
   * of it. The caller holds the plugin's turn. Returns what was settled.
   *
   * @throws {PluginError} INTERNAL where that cannot be done
   */
  async settle(name: string): Promise<OperationKind[]> {
    const { recovery, repository, registry, activator, events } = this.#options;
    const settled = await recovery.settle(name);
    if (settled.length === 0) return settled;
    const record = await repository.find(name);
    if (!record) registry.unregister(name);
    else if (record.enabled) activator.register(record);
    await this.#resumeStranded(name);
    events.publish({ topic: 'plugins', name, change: record ? 'updated' : 'removed' });
    return settled;
  }

  /** Enabled and inactive is where safe mode leaves a plugin, and an operation that could not be taken back at once. */
  async #resumeStranded(name: string): Promise<void> {
    const { queue, repository, runner, activator, logger, mayRun } = this.#options;
    try {
      const record = await repository.find(name);
      if (!record?.enabled || record.status !== 'inactive') return;
      if (queue.isClosed || !mayRun() || runner.isRunning(name)) return;
      await activator.resume(record);
    } catch (error) {
      logger.warn({ plugin: name, reason: messageOf(error) }, 'plugin.start-failed');
    }
  }
}
