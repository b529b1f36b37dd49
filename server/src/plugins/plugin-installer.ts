import type { Manifest } from '@omniroute/shared/manifest';
import type { InstallInput } from '@omniroute/shared/plugin';
import { configProblems } from '@omniroute/shared/plugin-config';
import { gt } from 'semver';
import { messageOf, PluginError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Runtime } from '../runtime.ts';
import type { OperationRepository } from './operation-repository.ts';
import { type PluginActivator, refuseExec } from './plugin-activator.ts';
import type { PluginFiles } from './plugin-files.ts';
import { checkConsent, grantOf } from './plugin-grants.ts';
import { manifestWarnings, readManifest, resolveEntry } from './plugin-package.ts';
import { describeManifest, newRecord, type PluginGrant, type PluginRecord } from './plugin-record.ts';
import type { PluginRepository } from './plugin-repository.ts';
import type { PluginRunner } from './plugin-runner.ts';

interface Options {
  repository: PluginRepository;
  operations: OperationRepository;
  files: PluginFiles;
  runner: PluginRunner;
  activator: PluginActivator;
  runtime: Runtime;
  logger: Logger;
  /** False while no plugin may run: safe mode, or plugins are paused. */
  mayRun: () => boolean;
}

type UpgradeInput = Pick<InstallInput, 'keepConfig' | 'replace' | 'permissions'>;

export interface Installed {
  record: PluginRecord;
  warnings: string[];
}

/** Puts packages in place, new ones and newer versions. On any failure everything is as it was. */
export class PluginInstaller {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * Installs the package in `source` for the first time.
   *
   * @throws PluginError INVALID_MANIFEST, PACKAGE_REJECTED or INSTALL_FAILED; nothing remains then
   */
  async install(source: string, announced: Manifest): Promise<Installed> {
    const { repository, operations, files, runtime, logger } = this.#options;
    const operation = await operations.begin('install', announced.name, { to: announced.version });
    try {
      const { staging, manifest } = await this.#stage(operation, source, announced);
      await files.place(staging, manifest.name);
      const pluginDir = files.paths.plugin(manifest.name);
      const record = newRecord(manifest, { id: runtime.newId(), pluginDir, now: this.#now() });
      try {
        await operations.reach(operation, 'placed');
        await repository.insert(record, grantOf(manifest));
        await this.#welcome(record);
      } catch (error) {
        await this.#undoInstall(record);
        throw error;
      }
      logger.info({ plugin: manifest.name, version: manifest.version }, 'plugin.installed');
      return await this.#enableByDefault(record);
    } finally {
      await files.remove(files.paths.staging(operation));
      await operations.end(operation);
    }
  }

  /**
   * Installs the package in `source` over an installed version. The new version is started from staging while the
   * old one serves.
   *
   * @throws PluginError VERSION_NOT_NEWER, CONSENT_REQUIRED, UPGRADE_FAILED and those of {@link install}; the old
   *   version is back as it was then
   */
  async upgrade(
    source: string,
    announced: Manifest,
    installed: PluginRecord,
    input: UpgradeInput,
  ): Promise<Installed> {
    const { operations, files, repository, logger } = this.#options;
    checkVersion(announced, installed, input.replace === true);
    const held = (await repository.grant(installed.id)) ?? grantOf(installed.manifest);
    checkConsent(announced, held, input.permissions);
    const hadDataDir = await files.hasDataDir(installed.name);
    const operation = await operations.begin('upgrade', installed.name, {
      from: installed.version,
      to: announced.version,
    });
    try {
      const { staging, manifest } = await this.#stage(operation, source, announced);
      checkConsent(manifest, held, input.permissions);
      const next = upgradedRecord(installed, manifest, input.keepConfig === true, this.#now());
      await this.#tryFrom(staging, next, grantOf(manifest));
      const record = await this.#replace(operation, staging, installed, next, held);
      logger.info({ plugin: record.name, from: installed.version, to: record.version }, 'plugin.upgraded');
      return { record, warnings: manifestWarnings(manifest) };
    } catch (error) {
      if (!hadDataDir) await files.remove(files.paths.dataOf(installed.name));
      throw error;
    } finally {
      await files.remove(files.paths.staging(operation));
      await operations.end(operation);
    }
  }

  async #stage(
    operation: string,
    source: string,
    announced: Manifest,
  ): Promise<{ staging: string; manifest: Manifest }> {
    const staging = await this.#options.files.stage(operation, source);
    const manifest = await readManifest(staging);
    if (manifest.name !== announced.name || manifest.version !== announced.version) {
      throw new PluginError(
        'INSTALL_FAILED',
        'The plugin folder changed while it was copied. Install it again.',
      );
    }
    await resolveEntry(staging, manifest);
    return { staging, manifest };
  }

  async #welcome(record: PluginRecord): Promise<void> {
    if (!record.hooks.includes('onInstall')) return;
    const { activator, runner, mayRun } = this.#options;
    refuseExec(record.manifest);
    if (!mayRun()) {
      throw new PluginError(
        'INSTALL_FAILED',
        'This plugin has an onInstall hook, and no plugin runs in safe mode or while plugins are paused.',
      );
    }
    try {
      const spec = await activator.launchSpec(record, record.pluginDir, grantOf(record.manifest));
      await runner.runOnce(spec, 'onInstall');
    } catch (error) {
      throw new PluginError(
        'INSTALL_FAILED',
        `Plugin '${record.name}' was not installed: onInstall failed: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    }
  }

  async #enableByDefault(record: PluginRecord): Promise<Installed> {
    const { activator, repository, mayRun } = this.#options;
    const warnings = manifestWarnings(record.manifest);
    if (!record.manifest.enabledByDefault) return { record, warnings };
    if (!mayRun())
      return {
        record,
        warnings: [
          ...warnings,
          'It is not activated: no plugin runs in safe mode or while plugins are paused.',
        ],
      };
    try {
      return { record: await activator.activate(record), warnings };
    } catch (error) {
      const failed = (await repository.find(record.name)) ?? record;
      return {
        record: failed,
        warnings: [...warnings, `It is installed, but did not start: ${messageOf(error)}`],
      };
    }
  }

  async #undoInstall({ id, name }: PluginRecord): Promise<void> {
    const { repository, files, runner } = this.#options;
    await repository.delete(id);
    await files.remove(files.paths.plugin(name));
    await files.removeLeftovers(name);
    await runner.forget(name);
  }

  /** Starts the new version from staging, to see that it loads and exports what it declares. */
  async #tryFrom(staging: string, next: PluginRecord, grant: PluginGrant): Promise<void> {
    const { activator, runner, mayRun } = this.#options;
    refuseExec(next.manifest);
    if (!mayRun()) return;
    try {
      await runner.rehearse(await activator.launchSpec(next, staging, grant));
    } catch (error) {
      throw upgradeFailed(next, error);
    }
  }

  async #replace(
    operation: string,
    staging: string,
    installed: PluginRecord,
    next: PluginRecord,
    held: PluginGrant,
  ): Promise<PluginRecord> {
    const { files, repository, operations, runner, activator, mayRun } = this.#options;
    const wasRunning = runner.isRunning(installed.name);
    await runner.drain(installed.name);
    await runner.stop(installed.name);
    await files.swap(staging, installed.name);
    try {
      await operations.reach(operation, 'placed');
      await repository.save(next, grantOf(next.manifest));
      if (!next.enabled) return next;
      activator.register(next);
      return mayRun() ? await activator.activate(next) : next;
    } catch (error) {
      await files.unswap(installed.name);
      await repository.save(installed, held);
      if (installed.enabled) activator.register(installed);
      if (wasRunning) await activator.activate(installed);
      throw upgradeFailed(next, error);
    }
  }

  #now(): string {
    return this.#options.runtime.now().toISOString();
  }
}

function checkVersion(manifest: Manifest, installed: PluginRecord, replace: boolean): void {
  if (replace || gt(manifest.version, installed.version)) return;
  throw new PluginError(
    'VERSION_NOT_NEWER',
    `'${installed.name}' ${installed.version} is installed; ${manifest.version} is not newer. ` +
      'Raise the version in plugin.json, or install with "replace": true.',
  );
}

/** The row after the upgrade: id, age and the operator's wish stay; config goes back to defaults unless kept. */
function upgradedRecord(
  installed: PluginRecord,
  manifest: Manifest,
  keepConfig: boolean,
  now: string,
): PluginRecord {
  const refused = new Set(
    configProblems(manifest.configSchema, installed.config).map((problem) => problem.key),
  );
  const kept = Object.entries(installed.config).filter(([key]) => !refused.has(key));
  const status = installed.status === 'installed' ? 'installed' : 'inactive';
  return {
    ...installed,
    ...describeManifest(manifest),
    config: keepConfig ? Object.fromEntries(kept) : {},
    status,
    errorMessage: null,
    updatedAt: now,
  };
}

function upgradeFailed(next: PluginRecord, error: unknown): PluginError {
  return new PluginError(
    'UPGRADE_FAILED',
    `'${next.name}' ${next.version} did not start, so the installed version is back: ${messageOf(error)}`,
    { cause: error },
  );
}
