import type { Manifest } from '@omniroute/shared/manifest';
import type { InstallInput } from '@omniroute/shared/plugin';
import { configProblems } from '@omniroute/shared/plugin-config';
import { gt } from 'semver';
import { PluginError, storageProblem } from '../errors.ts';
import type { JournalEntry } from './journal.ts';
import { launchSpec } from './launch-spec.ts';
import { checkConsent, grantOf, refuseExec } from './plugin-grants.ts';
import type { PluginParts } from './plugin-parts.ts';
import { describeManifest, type PluginGrant, type PluginRecord } from './plugin-record.ts';
import { upgradeReason } from './plugin-version.ts';
import { stagePackage } from './stage-package.ts';
import { swapFailed, type VersionSwapper } from './version-swapper.ts';

type Options = Omit<PluginParts, 'events' | 'activator'> & { swapper: VersionSwapper };

type UpgradeInput = Pick<InstallInput, 'keepConfig' | 'replace' | 'permissions'>;

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
    const { journal, recovery, repository, logger } = this.#options;
    checkVersion(announced, installed, input.replace === true);
    const held = (await repository.grant(installed.id)) ?? grantOf(installed.manifest);
    checkConsent(announced, held, input.permissions);
    const versions = { from: installed.version, to: announced.version };
    const entry = await journal.begin('upgrade', installed.name, versions).catch((error: unknown) => {
      throw upgradeFailed(announced, error);
    });
    try {
      const next = await this.#prepare(entry, source, announced, { installed, held, input });
      const record = await this.#replace(entry, { installed, held, next });
      logger.info({ plugin: record.name, ...versions }, 'plugin.upgraded');
      return record;
    } catch (error) {
      throw upgradeFailed(announced, error);
    } finally {
      await recovery.close(entry);
    }
  }

  /** Stages the new version and starts it from there, to see that it loads and exports what it declares. */
  async #prepare(
    entry: JournalEntry,
    source: string,
    announced: Manifest,
    { installed, held, input }: { installed: PluginRecord; held: PluginGrant; input: UpgradeInput },
  ): Promise<PluginRecord> {
    const { files, runner, runtime, sandbox, mayRun } = this.#options;
    const { staging, manifest } = await stagePackage(files, entry.id, source, announced);
    entry.step('staged');
    checkConsent(manifest, held, input.permissions);
    refuseExec(manifest, sandbox);
    const now = runtime.now().toISOString();
    const next = upgradedRecord(installed, manifest, input.keepConfig === true, now);
    try {
      if (mayRun()) await runner.rehearse(await launchSpec(next, staging, grantOf(manifest), files));
    } catch (error) {
      throw swapFailed(next, error, `${installed.version} goes on as it was.`);
    }
    entry.step('rehearsed');
    return next;
  }

  async #replace(
    entry: JournalEntry,
    { installed, held, next }: { installed: PluginRecord; held: PluginGrant; next: PluginRecord },
  ): Promise<PluginRecord> {
    const { files, swapper } = this.#options;
    return swapper.swap({
      entry,
      moves: await files.upgradeMoves(installed.name),
      installed,
      held,
      next,
      grant: grantOf(next.manifest),
      reason: upgradeReason,
    });
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

function upgradeFailed({ name, version }: Manifest, error: unknown): unknown {
  const problem = storageProblem(error);
  if (problem === null) return error;
  return new PluginError('UPGRADE_FAILED', `'${name}' was not upgraded to ${version}: ${problem}`, {
    cause: error,
  });
}
