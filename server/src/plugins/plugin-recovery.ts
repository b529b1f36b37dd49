import type { Logger } from '../logger.ts';
import type { Operation, OperationRepository } from './operation-repository.ts';
import type { PluginFiles } from './plugin-files.ts';
import type { PluginRecord } from './plugin-record.ts';
import type { PluginRepository } from './plugin-repository.ts';

interface Options {
  repository: PluginRepository;
  operations: OperationRepository;
  files: PluginFiles;
  logger: Logger;
}

/** Settles what the journal holds from a service that was killed, before any plugin is started. */
export class PluginRecovery {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** What cannot be settled stays in the journal for the next start, and stops nothing. */
  async settle(): Promise<void> {
    const { operations, logger } = this.#options;
    for (const operation of await operations.unfinished()) {
      const { plugin, kind, phase } = operation;
      try {
        await this.#settleOne(operation);
        await operations.end(operation.id);
        logger.warn({ plugin, kind, phase }, 'plugin.operation-settled');
      } catch (error) {
        logger.error({ plugin, kind, phase, err: error }, 'plugin.operation-not-settled');
      }
    }
  }

  async #settleOne(operation: Operation): Promise<void> {
    const { id, kind, plugin } = operation;
    const { repository, files } = this.#options;
    const record = await repository.find(plugin);
    // An install that has its row is whole: the row is written after the files are in place.
    if (kind === 'install' && !record && (await this.#wasPlaced(operation))) {
      await files.remove(files.paths.plugin(plugin));
    }
    if (kind === 'upgrade' && record) await this.#restore(id, plugin, record.version);
    if (kind === 'uninstall') await this.#settleUninstall(operation, record);
    await files.remove(files.paths.staging(id));
    await files.remove(files.paths.trash(id));
  }

  /** Finishes what had begun to go; what had not is as it was. A plugin that was installed since is left alone. */
  async #settleUninstall(
    { id, plugin, phase, createdAt }: Operation,
    record: PluginRecord | undefined,
  ): Promise<void> {
    const { repository, files } = this.#options;
    if (phase !== 'trashed') {
      await files.untrash(id, plugin);
      return;
    }
    if (record && record.installedAt > createdAt) return;
    if (record) await repository.delete(record.id);
    await files.removeLeftovers(plugin);
  }

  /** Whether an install has moved its files into place: nobody else's folder is there then. */
  async #wasPlaced({ id, phase }: Operation): Promise<boolean> {
    const { files } = this.#options;
    return phase === 'placed' || (phase === 'placing' && !(await files.isStaged(id)));
  }

  /** Brings the files back to the version that the row names. */
  async #restore(operation: string, plugin: string, version: string): Promise<void> {
    const { files } = this.#options;
    const placed = await files.versionOf(files.paths.plugin(plugin));
    if (placed === version) {
      await files.restorePrevious(operation, plugin);
      return;
    }
    const previous = await files.versionOf(files.paths.previousOf(plugin));
    if (previous === version) await files.unswap(operation, plugin);
  }
}
