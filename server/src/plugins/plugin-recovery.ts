import type { Logger } from '../logger.ts';
import type { Operation, OperationRepository } from './operation-repository.ts';
import type { PluginFiles } from './plugin-files.ts';
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

  async settle(): Promise<void> {
    const { operations, files, logger } = this.#options;
    for (const operation of await operations.unfinished()) {
      await this.#settleOne(operation);
      await files.remove(files.paths.staging(operation.id));
      await files.remove(files.paths.trash(operation.id));
      await operations.end(operation.id);
      logger.warn(
        { plugin: operation.plugin, kind: operation.kind, phase: operation.phase },
        'plugin.operation-settled',
      );
    }
  }

  async #settleOne(operation: Operation): Promise<void> {
    const { kind, plugin } = operation;
    const { repository, files } = this.#options;
    const record = await repository.find(plugin);
    // An install that has its row is whole: the row is written after the files are in place.
    if (kind === 'install' && !record && (await this.#wasPlaced(operation))) {
      await files.remove(files.paths.plugin(plugin));
    }
    if (kind === 'upgrade' && record) await this.#restore(plugin, record.version);
    if (kind === 'uninstall') {
      if (record) await repository.delete(record.id);
      await files.remove(files.paths.plugin(plugin));
      await files.removeLeftovers(plugin);
    }
  }

  /** Whether an install has moved its files into place: nobody else's folder is there then. */
  async #wasPlaced({ id, phase }: Operation): Promise<boolean> {
    const { files } = this.#options;
    return phase === 'placed' || (phase === 'placing' && !(await files.isStaged(id)));
  }

  /** Brings the files back to the version that the row names. */
  async #restore(plugin: string, version: string): Promise<void> {
    const { files } = this.#options;
    const placed = await files.versionOf(files.paths.plugin(plugin));
    if (placed === version) return;
    const previous = await files.versionOf(files.paths.previousOf(plugin));
    if (previous === version) await files.unswap(plugin);
  }
}
