import { messageOf, PluginError, reasonOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Runtime } from '../runtime.ts';
import type { JournalEntry } from './journal.ts';
import type { Operation, OperationKind } from './operation.ts';
import type { OperationRepository } from './operation-repository.ts';
import type { PluginFiles } from './plugin-files.ts';
import type { PluginRepository } from './plugin-repository.ts';
import type { PluginRunner } from './plugin-runner.ts';

interface Options {
  repository: PluginRepository;
  operations: OperationRepository;
  files: PluginFiles;
  runner: PluginRunner;
  runtime: Runtime;
  logger: Logger;
  /** Deletes what was counted of a plugin. Never rejects. */
  forgetCounts: (name: string) => Promise<void>;
}

/**
 * Settles what the journal holds: an operation that was cut short is undone, or finished where the database says
 * already what is to be. It is how an operation that fails takes itself back, and how a start finds its way after a kill.
 */
export class PluginRecovery {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Settles all of it, before any plugin is started. A plugin whose files cannot be settled ends in `error`. */
  async settleAll(): Promise<void> {
    const { operations, logger } = this.#options;
    for (const name of await operations.plugins()) {
      try {
        await this.settle(name);
      } catch (error) {
        logger.error({ plugin: name, err: error }, 'plugin.operation-not-settled');
        await this.#markUnsettled(name, messageOf(error));
      }
    }
  }

  /**
   * Settles what is left of operations on one plugin, in whose turn the caller is. Returns which they were.
   *
   * @throws {PluginError} INTERNAL where the files cannot be moved or removed; the journal keeps the rest then
   */
  async settle(name: string): Promise<OperationKind[]> {
    const { operations, logger } = this.#options;
    const settled: OperationKind[] = [];
    try {
      for (const operation of await operations.list(name)) {
        const { kind, phase } = operation;
        await this.#settleOne(operation);
        logger.warn({ plugin: name, kind, phase }, 'plugin.operation-settled');
        settled.push(kind);
      }
      return settled;
    } catch (cause) {
      const message = `What an earlier operation on plugin '${name}' left cannot be put in order: ${reasonOf(cause)} If that stays so, uninstall the plugin and install it again.`;
      throw new PluginError('INTERNAL', message, { cause });
    }
  }

  /** Gives up what is left of operations on a plugin that is to go anyway. Nothing of it is undone. */
  async abandon(name: string): Promise<OperationKind[]> {
    const { operations, logger } = this.#options;
    logger.warn({ plugin: name }, 'plugin.operations-abandoned');
    await operations.deleteAll(name);
    return [];
  }

  /**
   * Ends an operation, well or not: what it has not brought to its end is undone. Returns false where that cannot be done;
   * the journal keeps the rest then, for the next operation or start.
   */
  async close(entry: JournalEntry): Promise<boolean> {
    const { operations, logger } = this.#options;
    try {
      for (const operation of await operations.list(entry.plugin)) await this.#settleOne(operation);
      entry.step('cleaned');
      return true;
    } catch (error) {
      logger.error({ plugin: entry.plugin, err: error }, 'plugin.operation-not-settled');
      return false;
    }
  }

  async #settleOne(operation: Operation): Promise<void> {
    const { operations, files } = this.#options;
    const { id, kind, phase } = operation;
    if (kind === 'install') await this.#settleInstall(operation);
    else if (kind === 'uninstall') await this.#finishUninstall(operation);
    else await this.#settleSwap(operation);
    // From here on there is nothing to undo: what is set aside may go.
    if (phase !== 'committed') await operations.reach({ operation: id, phase: 'committed' });
    await files.clear(id);
    await operations.delete(id);
  }

  /** A plugin whose `onInstall` has not come to its end was never installed. */
  async #settleInstall(operation: Operation): Promise<void> {
    const { repository, operations, files, runner } = this.#options;
    const { id, plugin, phase } = operation;
    if (phase === 'committed' || phase === 'preparing') return;
    const record = await repository.find(plugin);
    if (phase === 'recorded' && record) {
      await repository.delete(record.id, { operation: id, phase: 'moving', at: this.#now() });
    } else if (phase === 'recorded') await operations.reach({ operation: id, phase: 'moving' });
    await files.undo(operation);
    await files.removeLeftovers(plugin);
    await runner.forget(plugin);
  }

  /** A version that has not been seen to start was never installed. */
  async #settleSwap(operation: Operation): Promise<void> {
    const { files } = this.#options;
    const { id, phase, plugin, hadDataDir } = operation;
    if (phase === 'committed') return;
    if (phase === 'recorded') {
      await this.#options.repository.restoreVersion({ operation: id, phase: 'moving' }, this.#now());
    }
    await files.undo(operation);
    if (!hadDataDir) await files.remove(files.paths.dataOf(plugin));
  }

  /** Whoever has begun to uninstall a plugin wants it gone. */
  async #finishUninstall(operation: Operation): Promise<void> {
    const { repository, operations, files, runner, forgetCounts } = this.#options;
    const { id, plugin, phase } = operation;
    if (phase !== 'committed') {
      const moves = files.uninstallMoves();
      await operations.plan(id, moves);
      await files.make({ id, plugin, moves });
      await forgetCounts(plugin);
      const record = await repository.find(plugin);
      if (record) await repository.delete(record.id, { operation: id, phase: 'committed', at: this.#now() });
    }
    await files.removeLeftovers(plugin);
    await runner.forget(plugin);
  }

  async #markUnsettled(name: string, errorMessage: string): Promise<void> {
    const { repository } = this.#options;
    const record = await repository.find(name);
    if (record) await repository.save({ ...record, status: 'error', errorMessage, updatedAt: this.#now() });
  }

  #now(): string {
    return this.#options.runtime.now().toISOString();
  }
}
