import type { Manifest } from '@omniroute/shared/manifest';
import type { InstallInput } from '@omniroute/shared/plugin';
import { configProblems } from '@omniroute/shared/plugin-config';
import { gt } from 'semver';
import { messageOf, PluginError } from '../errors.ts';
import { launchSpec } from './launch-spec.ts';
import { checkConsent, grantOf, refuseExec } from './plugin-grants.ts';
import type { PluginParts } from './plugin-parts.ts';
import { describeManifest, type PluginGrant, type PluginRecord } from './plugin-record.ts';
import { stagePackage } from './stage-package.ts';

type Options = Omit<PluginParts, 'events'>;

type UpgradeInput = Pick<InstallInput, 'keepConfig' | 'replace' | 'permissions'>;

/** One upgrade that is under way: the row before and after it, and what was granted before. */
interface Upgrade {
  operation: string;
  staging: string;
  installed: PluginRecord;
  next: PluginRecord;
  held: PluginGrant;
}

/** Puts a package in the place of an installed version, or leaves everything as it was. */
export class PluginUpgrader {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * Installs the package in `source` over an installed version. The new version is started from staging while the
   * old one serves.
   *
   * @throws {PluginError} VERSION_NOT_NEWER, CONSENT_REQUIRED, UPGRADE_FAILED, ISOLATION_UNAVAILABLE, and those of
   *   {@link stagePackage}; the old version is back as it was then
   */
  async upgrade(
    source: string,
    announced: Manifest,
    installed: PluginRecord,
    input: UpgradeInput,
  ): Promise<PluginRecord> {
    const { operations, files, repository, runtime, logger } = this.#options;
    checkVersion(announced, installed, input.replace === true);
    const held = (await repository.grant(installed.id)) ?? grantOf(installed.manifest);
    checkConsent(announced, held, input.permissions);
    const hadDataDir = await files.hasDataDir(installed.name);
    const versions = { from: installed.version, to: announced.version };
    const operation = await operations.begin('upgrade', installed.name, versions);
    try {
      const { staging, manifest } = await stagePackage(files, operation, source, announced);
      checkConsent(manifest, held, input.permissions);
      refuseExec(manifest);
      const now = runtime.now().toISOString();
      const next = upgradedRecord(installed, manifest, input.keepConfig === true, now);
      await this.#checkStarts(staging, next);
      const record = await this.#replace({ operation, staging, installed, next, held });
      logger.info({ plugin: record.name, ...versions }, 'plugin.upgraded');
      return record;
    } catch (error) {
      if (!hadDataDir) await files.remove(files.paths.dataOf(installed.name));
      throw error;
    } finally {
      await this.#cleanUp(operation);
    }
  }

  /** What cannot be removed is left to the next start: the upgrade has succeeded or failed by now. */
  async #cleanUp(operation: string): Promise<void> {
    const { files, operations, logger } = this.#options;
    try {
      await files.remove(files.paths.staging(operation));
      await files.remove(files.paths.trash(operation));
      await operations.end(operation);
    } catch (error) {
      logger.error({ operation, err: error }, 'plugin.operation-not-settled');
    }
  }

  /** Starts the new version from staging, to see that it loads and exports what it declares. */
  async #checkStarts(staging: string, next: PluginRecord): Promise<void> {
    const { files, runner, mayRun } = this.#options;
    if (!mayRun()) return;
    try {
      await runner.rehearse(await launchSpec(next, staging, grantOf(next.manifest), files));
    } catch (error) {
      throw upgradeFailed(next, error);
    }
  }

  async #replace(upgrade: Upgrade): Promise<PluginRecord> {
    const { files, runner, activator } = this.#options;
    const { operation, installed, next, staging } = upgrade;
    // One that waits for its restart is as much up as one that serves.
    const wasRunning = installed.status === 'active';
    await runner.drain(installed.name);
    await activator.suspend(installed);
    try {
      await files.swap(operation, staging, installed.name);
    } catch (error) {
      await this.#bringBack(upgrade, wasRunning);
      throw upgradeFailed(next, error);
    }
    try {
      return await this.#start(upgrade);
    } catch (error) {
      await files.unswap(operation, installed.name);
      await this.#bringBack(upgrade, wasRunning);
      throw upgradeFailed(next, error);
    }
  }

  async #start({ operation, next }: Upgrade): Promise<PluginRecord> {
    const { operations, repository, activator, mayRun } = this.#options;
    await operations.reach(operation, 'placed');
    await repository.save(next, grantOf(next.manifest));
    if (!next.enabled) return next;
    activator.register(next);
    return mayRun() ? activator.activate(next) : next;
  }

  async #bringBack({ installed, held }: Upgrade, wasRunning: boolean): Promise<void> {
    const { repository, activator, logger } = this.#options;
    await repository.save({ ...installed, status: wasRunning ? 'inactive' : installed.status }, held);
    if (installed.enabled) activator.register(installed);
    if (!wasRunning) return;
    try {
      await activator.activate(installed);
    } catch (error) {
      // The plugin is in `error` and says why; the upgrade's own failure is what the caller hears.
      logger.error({ plugin: installed.name, reason: messageOf(error) }, 'plugin.not-brought-back');
    }
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
  return {
    ...installed,
    ...describeManifest(manifest),
    config: keepConfig ? Object.fromEntries(kept) : {},
    status: installed.status === 'installed' ? 'installed' : 'inactive',
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
