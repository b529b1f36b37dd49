import { PluginError, reasonOf } from '../errors.ts';
import { launchSpec } from './launch-spec.ts';
import { checkConsent, grantOf, refuseExec } from './plugin-grants.ts';
import type { PluginParts } from './plugin-parts.ts';
import { describeManifest, type PluginGrant, type PluginRecord } from './plugin-record.ts';
import { upgradeReason } from './plugin-version.ts';
import type { PluginVersionRepository } from './plugin-version-repository.ts';
import { readManifest } from './read-manifest.ts';
import { swapFailed, type VersionSwapper } from './version-swapper.ts';

type Options = Omit<PluginParts, 'activator'> & {
  versions: PluginVersionRepository;
  swapper: VersionSwapper;
};

/** For so long after its upgrade a version that crashes into `error` is taken back by itself. */
const probationMs = 10 * 60 * 1_000;

/** Puts the version before the last upgrade back, with the config and the grant that it had. */
export class PluginRollback {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * Goes back to the previous version. The version that is left is gone; what it had for config stays in
   * `plugin_versions`. The plugin's own data folder is not touched.
   *
   * @param why ends the sentence "2.0.0 was rolled back: …"
   * @throws {PluginError} NO_PREVIOUS_VERSION, CONSENT_REQUIRED, UPGRADE_FAILED, ISOLATION_UNAVAILABLE, INVALID_MANIFEST;
   *   the plugin is as it was then
   */
  async rollback(record: PluginRecord, why: string): Promise<PluginRecord> {
    const { journal, recovery, files, swapper, repository, logger } = this.#options;
    const { name, version } = record;
    if (!(await files.hasPrevious(name))) {
      throw new PluginError('NO_PREVIOUS_VERSION', `There is no version of '${name}' to roll back to.`);
    }
    const held = (await repository.grant(record.id)) ?? grantOf(record.manifest);
    const { previous, grant } = await this.#previous(record, held);
    const versions = { from: version, to: previous.version };
    const entry = await journal.begin('rollback', name, versions);
    try {
      await this.#checkStarts(record, previous, grant);
      entry.step('rehearsed');
      const restored = await swapper.swap({
        entry,
        moves: await files.rollbackMoves(name),
        installed: record,
        held,
        next: previous,
        grant,
        reason: why,
      });
      logger.warn({ plugin: name, ...versions, reason: why }, 'plugin.rolled-back');
      return restored;
    } finally {
      await recovery.close(entry);
    }
  }

  /**
   * Goes back from a version that has ended in `error` while it was new, and says so in the plugin's log. Where that fails,
   * `errorMessage` says both.
   *
   * @param why what was wrong with the new version
   * @returns whether the plugin is on its previous version now
   */
  async rescue(name: string, why: string): Promise<boolean> {
    const { repository, runner, events, runtime, logger } = this.#options;
    const failed = await repository.find(name);
    if (failed?.status !== 'error' || !(await this.#isOnProbation(failed))) return false;
    try {
      const { version } = await this.rollback(failed, why);
      const first = why.split('\n', 1).join('');
      runner.log(name).write('host', `rolled back from ${failed.version} to ${version}: ${first}`);
      return true;
    } catch (error) {
      logger.error({ plugin: name, err: error }, 'plugin.rollback-failed');
      const latest = (await repository.find(name)) ?? failed;
      const errorMessage = `${failed.errorMessage ?? why}\nGoing back to the version before failed, too: ${reasonOf(error)}`;
      await repository.saveFailure({ ...latest, errorMessage, updatedAt: runtime.now().toISOString() });
      events.publish({ topic: 'plugins', name, change: 'updated' });
      return false;
    }
  }

  /** The row of the previous version, by its folder and by what was kept of it when it was replaced. */
  async #previous(
    record: PluginRecord,
    held: PluginGrant,
  ): Promise<{ previous: PluginRecord; grant: PluginGrant }> {
    const { files, versions, runtime } = this.#options;
    const dir = files.paths.previousOf(record.name);
    await files.inspect(dir);
    const manifest = await readManifest(dir);
    if (manifest.name !== record.name) {
      throw new PluginError(
        'INVALID_MANIFEST',
        `The previous version names '${manifest.name}' now; it was '${record.name}'. Install the version that you want instead.`,
      );
    }
    const kept = await versions.latest(record.id);
    const isIts = kept?.reason === upgradeReason && kept.version === manifest.version;
    const grant = isIts ? kept.grant : held;
    checkConsent(manifest, grant);
    refuseExec(manifest, this.#options.sandbox);
    const previous: PluginRecord = {
      ...record,
      ...describeManifest(manifest),
      config: isIts ? kept.config : {},
      status: record.status === 'installed' ? 'installed' : 'inactive',
      errorMessage: null,
      updatedAt: runtime.now().toISOString(),
    };
    return { previous, grant };
  }

  /** Whether the plugin's version is so new that its crashes are blamed on it, and there is one to go back to. */
  async #isOnProbation(record: PluginRecord): Promise<boolean> {
    const { versions, files, runtime } = this.#options;
    const before = await versions.latest(record.id);
    if (before?.reason !== upgradeReason || !(await files.hasPrevious(record.name))) return false;
    // A clock that was set back makes nothing new again.
    return Math.abs(runtime.now().getTime() - Date.parse(before.createdAt)) < probationMs;
  }

  async #checkStarts(installed: PluginRecord, previous: PluginRecord, grant: PluginGrant): Promise<void> {
    const { files, runner, mayRun } = this.#options;
    if (!mayRun()) return;
    try {
      const dir = files.paths.previousOf(previous.name);
      await runner.rehearse(await launchSpec(previous, dir, grant, files));
    } catch (error) {
      throw swapFailed(previous, error, `${installed.version} goes on as it was.`);
    }
  }
}
