import { PluginError, reasonOf } from '../errors.ts';
import type { JournalEntry } from './journal.ts';
import { launchSpec } from './launch-spec.ts';
import type { PluginParts } from './plugin-parts.ts';
import type { PluginRecord } from './plugin-record.ts';

interface Options extends PluginParts {
  /** Deletes what was counted of a plugin. Never rejects. */
  forgetCounts: (name: string) => Promise<void>;
}

/** Takes a plugin away with everything that it has, whether it can load or not. */
export class PluginUninstaller {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * Returns whether all that it had is removed: the next start goes on with what is left. Rejects where its folder cannot be moved or its row not be deleted: it is switched off then, and the next operation
   * on it or the next start goes on with the removal.
   */
  async uninstall(record: PluginRecord): Promise<boolean> {
    const { journal, recovery, events, logger } = this.#options;
    const { name } = record;
    const entry = await journal.begin('uninstall', name, { from: record.version });
    const failure = await this.#remove(entry, record).then(
      () => null,
      (error: unknown) => ({ error }),
    );
    const isGone = await recovery.close(entry);
    if (failure !== null) logger.error({ plugin: name, err: failure.error }, 'plugin.uninstall-failed');
    if (failure !== null && !isGone) throw uninstallFailed(name, failure.error);
    events.publish({ topic: 'plugins', name, change: 'removed' });
    return isGone;
  }

  async #remove(entry: JournalEntry, record: PluginRecord): Promise<void> {
    const { repository, files, runtime, forgetCounts } = this.#options;
    await this.#runOnUninstall(record);
    entry.step('stopped');
    await entry.plan(files.uninstallMoves());
    await files.make(entry, () => entry.step('moved'));
    await forgetCounts(record.name);
    await repository.delete(record.id, { ...entry.at('committed'), at: runtime.now().toISOString() });
    entry.step('committed');
  }

  async #runOnUninstall(record: PluginRecord): Promise<void> {
    const { files, activator, runner, repository, mayRun } = this.#options;
    const { name } = record;
    const hasHook = record.hooks.includes('onUninstall');
    const wasRunning = runner.isRunning(name);
    const inProcess = () =>
      activator.attempt(name, 'onUninstall', () => runner.callRunning(name, 'onUninstall'));
    await activator.deactivate(record, hasHook ? inProcess : undefined);
    const grant = await repository.grant(record.id);
    // Without a grant nobody has agreed to run its code.
    if (wasRunning || !hasHook || !grant || !mayRun()) return;
    await activator.attempt(name, 'onUninstall', async () => {
      await runner.runOnce(await launchSpec(record, record.pluginDir, grant, files), 'onUninstall');
    });
  }
}

function uninstallFailed(name: string, error: unknown): PluginError {
  return new PluginError(
    'INTERNAL',
    `Plugin '${name}' is switched off, but could not be removed: ${reasonOf(error)} Uninstall it again then; the next start goes on with it, too.`,
    { cause: error },
  );
}
