import type { Manifest } from '@omniroute/shared/manifest';
import { messageOf, PluginError } from '../errors.ts';
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
    const { operations, files, runtime, logger } = this.#options;
    const operation = await operations.begin('install', announced.name, { to: announced.version });
    try {
      const { staging, manifest } = await stagePackage(files, operation, source, announced);
      await operations.reach(operation, 'placing');
      await files.place(staging, manifest.name).catch(async (error: unknown) => {
        await operations.reach(operation, 'staging');
        throw error;
      });
      const pluginDir = files.paths.plugin(manifest.name);
      const now = runtime.now().toISOString();
      const record = newRecord(manifest, { id: runtime.newId(), pluginDir, now });
      await this.#add(operation, record);
      logger.info({ plugin: manifest.name, version: manifest.version }, 'plugin.installed');
      return await this.#enableByDefault(record);
    } finally {
      await files.remove(files.paths.staging(operation));
      await operations.end(operation);
    }
  }

  async #add(operation: string, record: PluginRecord): Promise<void> {
    const { operations, repository, files, runner } = this.#options;
    try {
      await operations.reach(operation, 'placed');
      await repository.insert(record, grantOf(record.manifest));
      await this.#runOnInstall(record);
    } catch (error) {
      await repository.delete(record.id);
      await files.remove(files.paths.plugin(record.name));
      await files.removeLeftovers(record.name);
      await runner.forget(record.name);
      throw error;
    }
  }

  async #runOnInstall(record: PluginRecord): Promise<void> {
    if (!record.hooks.includes('onInstall')) return;
    const { files, runner, mayRun } = this.#options;
    refuseExec(record.manifest);
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
      const failed = (await repository.find(record.name)) ?? record;
      return { record: failed, warning: `It is installed, but did not start: ${messageOf(error)}` };
    }
  }
}
