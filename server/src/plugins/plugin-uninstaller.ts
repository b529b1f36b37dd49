import { launchSpec } from './launch-spec.ts';
import type { PluginParts } from './plugin-parts.ts';
import type { PluginRecord } from './plugin-record.ts';

type Options = Omit<PluginParts, 'runtime' | 'logger'>;

/** Takes a plugin away with everything that it has, whether it can load or not. */
export class PluginUninstaller {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Rejects where its files cannot be removed: before they are out of their place it stays, afterwards the next start removes them. */
  async uninstall(record: PluginRecord): Promise<void> {
    const { repository, operations, files, runner, events } = this.#options;
    const { name } = record;
    await this.#runOnUninstall(record);
    const operation = await operations.begin('uninstall', name, { from: record.version });
    await files.trash(operation, name);
    await operations.reach(operation, 'trashed');
    await repository.delete(record.id);
    events.publish({ topic: 'plugins', name, change: 'removed' });
    await files.remove(files.paths.trash(operation));
    await files.removeLeftovers(name);
    await runner.forget(name);
    await operations.end(operation);
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
