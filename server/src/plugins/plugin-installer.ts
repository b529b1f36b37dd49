import type { Manifest } from '@omniroute/shared/manifest';
import { messageOf, PluginError, storageProblem } from '../errors.ts';
import type { JournalEntry } from './journal.ts';
import { launchSpec } from './launch-spec.ts';
import { grantOf, refuseExec } from './plugin-grants.ts';
import type { PluginParts } from './plugin-parts.ts';
import { newRecord, type PluginRecord } from './plugin-record.ts';
import { stagePackage } from './stage-package.ts';

type Options = Omit<PluginParts, 'events'>;

interface Installed {
  record: PluginRecord;
  /** Why `enabledByDefault` did not come true, if it did not. */
  warning: string | null;
}

/** Puts packages in place for the first time, or leaves nothing behind. */
export class PluginInstaller {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * Installs the package in `source`.
   *
   * @throws {PluginError} INSTALL_FAILED, ISOLATION_UNAVAILABLE, and those of {@link stagePackage}; nothing remains then
   */
  async install(source: string, announced: Manifest): Promise<Installed> {
    const { journal, recovery, logger } = this.#options;
    const { name, version } = announced;
    const entry = await journal.begin('install', name, { to: version }).catch((error: unknown) => {
      throw installFailed(name, error);
    });
    try {
      const record = await this.#put(entry, source, announced);
      logger.info({ plugin: name, version }, 'plugin.installed');
      return await this.#enableByDefault(record);
    } catch (error) {
      throw installFailed(name, error);
    } finally {
      await recovery.close(entry);
    }
  }

  async #put(entry: JournalEntry, source: string, announced: Manifest): Promise<PluginRecord> {
    const { repository, files, runtime, mayRun } = this.#options;
    const { manifest } = await stagePackage(files, entry.id, source, announced);
    entry.step('staged');
    await files.refuseOccupied(manifest.name);
    await entry.plan([['staging', 'plugin']]);
    await files.make(entry, () => entry.step('moved'));
    const pluginDir = files.paths.plugin(manifest.name);
    const now = runtime.now().toISOString();
    const record = newRecord(manifest, { id: runtime.newId(), pluginDir, now });
    await repository.insert(record, grantOf(manifest), entry.at('recorded'));
    entry.step('recorded');
    await this.#runOnInstall(record);
    // The wish is written down before it is tried: a start after a kill tries it again.
    const installed = { ...record, enabled: manifest.enabledByDefault && mayRun() };
    await repository.save(installed, undefined, entry.at('committed'));
    entry.step('committed');
    return installed;
  }

  async #runOnInstall(record: PluginRecord): Promise<void> {
    if (!record.hooks.includes('onInstall')) return;
    const { files, runner, sandbox, mayRun } = this.#options;
    refuseExec(record.manifest, sandbox);
    if (!mayRun()) {
      throw new PluginError(
        'INSTALL_FAILED',
        'This plugin has an onInstall hook, and no plugin runs in safe mode or while plugins are paused.',
      );
    }
    try {
      const spec = await launchSpec(record, record.pluginDir, grantOf(record.manifest), files);
      await runner.runOnce(spec, 'onInstall');
    } catch (error) {
      const message = `Plugin '${record.name}' was not installed: onInstall failed: ${messageOf(error)}`;
      throw new PluginError('INSTALL_FAILED', message, { cause: error });
    }
  }

  async #enableByDefault(record: PluginRecord): Promise<Installed> {
    const { activator, repository, mayRun } = this.#options;
    if (!record.manifest.enabledByDefault) return { record, warning: null };
    if (!mayRun()) {
      return {
        record,
        warning: 'It is not activated: no plugin runs in safe mode or while plugins are paused.',
      };
    }
    try {
      return { record: await activator.activate(record), warning: null };
    } catch (error) {
      const failed = { ...((await repository.find(record.name)) ?? record), enabled: false };
      await repository.save(failed);
      return { record: failed, warning: `It is installed, but did not start: ${messageOf(error)}` };
    }
  }
}

function installFailed(name: string, error: unknown): unknown {
  const problem = storageProblem(error);
  return problem === null
    ? error
    : new PluginError('INSTALL_FAILED', `Plugin '${name}' was not installed: ${problem}`, { cause: error });
}
