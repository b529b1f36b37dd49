import { messageOf, PluginError, reasonOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Runtime } from '../runtime.ts';
import type { JournalEntry } from './journal.ts';
import type { Operation, OperationKind } from './operation.ts';
import type { OperationRepository } from './operation-repository.ts';
import type { PluginFiles } from './plugin-files.ts';
import { describeManifest } from './plugin-record.ts';
import type { PluginRepository } from './plugin-repository.ts';
import type { PluginRunner } from './plugin-runner.ts';
import type { PluginVersionRepository } from './plugin-version-repository.ts';
import { readManifest } from './read-manifest.ts';

interface Options {
  repository: PluginRepository;
  versions: PluginVersionRepository;
  operations: OperationRepository;
  files: PluginFiles;
  runner: PluginRunner;
  runtime: Runtime;
  logger: Logger;
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
    const names = new Set((await operations.list()).map(({ plugin }) => plugin));
    for (const name of names) {
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
    for (const operation of await operations.list(name)) {
      const { kind, phase } = operation;
      try {
        await this.#settleOne(operation);
      } catch (cause) {
        const message = `What an earlier operation on plugin '${name}' left cannot be put in order: ${reasonOf(cause)}`;
        throw new PluginError('INTERNAL', message, { cause });
      }
      logger.warn({ plugin: name, kind, phase }, 'plugin.operation-settled');
      settled.push(kind);
    }
    return settled;
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
    const { id, kind } = operation;
    if (kind === 'install') await this.#settleInstall(operation);
    else if (kind === 'uninstall') await this.#finishUninstall(operation);
    else await this.#settleSwap(operation);
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
    const { phase, plugin, hadDataDir } = operation;
    if (phase === 'committed') return;
    if (phase === 'recorded') await this.#restoreRow(operation);
    await files.undo(operation);
    if (!hadDataDir) await files.remove(files.paths.dataOf(plugin));
  }

  /** The row as it was, by what was kept of it, and by the files that were set aside. */
  async #restoreRow(operation: Operation): Promise<void> {
    const { repository, versions, files } = this.#options;
    const record = await repository.find(operation.plugin);
    const kept = record && (await versions.latest(record.id));
    if (!kept) return;
    const manifest = await readManifest(files.setAsideOf(operation));
    const before = {
      ...record,
      ...describeManifest(manifest),
      config: kept.config,
      status: record.enabled ? ('inactive' as const) : record.status,
      errorMessage: null,
      updatedAt: this.#now(),
    };
    const reached = { operation: operation.id, phase: 'moving' as const };
    await repository.restoreVersion(before, { grant: kept.grant, reached });
  }

  /** Whoever has begun to uninstall a plugin wants it gone. */
  async #finishUninstall(operation: Operation): Promise<void> {
    const { repository, operations, files, runner } = this.#options;
    const { id, plugin, phase } = operation;
    if (phase !== 'committed') {
      const moves = phase === 'preparing' ? await files.uninstallMoves(plugin) : operation.moves;
      await operations.plan(id, moves);
      await files.make({ id, plugin, moves });
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
