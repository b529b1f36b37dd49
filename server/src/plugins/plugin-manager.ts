import type {
  Done,
  InstallInput,
  InstallOutput,
  LogLine,
  PluginConfigOutput,
  PluginDetail,
  PluginStatus,
  PluginSummary,
  RolledBack,
  ScanOutput,
  UpdateConfigOutput,
} from '@omniroute/shared/plugin';
import type { DoctorReport } from '@omniroute/shared/doctor';
import type { Health } from '@omniroute/shared/health';
import type { Isolation } from '@omniroute/shared/isolation';
import type { Manifest } from '@omniroute/shared/manifest';
import type { PluginConfig } from '@omniroute/shared/plugin-config';
import { messageOf, PluginError } from '../errors.ts';
import type { EventBus } from '../event-bus.ts';
import type { Logger } from '../logger.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import type { PluginActivator } from './plugin-activator.ts';
import type { PluginConfigurator } from './plugin-configurator.ts';
import type { PluginDoctor } from './plugin-doctor.ts';
import type { PluginFiles } from './plugin-files.ts';
import type { PluginInstaller } from './plugin-installer.ts';
import { locatePackage } from './locate-package.ts';
import { manifestWarnings, readManifest } from './read-manifest.ts';
import type { PluginRecord } from './plugin-record.ts';
import type { PluginRecovery } from './plugin-recovery.ts';
import type { PluginRepository } from './plugin-repository.ts';
import type { PluginRollback } from './plugin-rollback.ts';
import type { PluginRunner } from './plugin-runner.ts';
import type { PluginScanner } from './plugin-scanner.ts';
import type { PluginUninstaller } from './plugin-uninstaller.ts';
import type { PluginUpgrader } from './plugin-upgrader.ts';
import type { PluginVersionRepository } from './plugin-version-repository.ts';
import { toDetail, toSummary } from './plugin-view.ts';

interface Options {
  repository: PluginRepository;
  files: PluginFiles;
  runner: PluginRunner;
  activator: PluginActivator;
  installer: PluginInstaller;
  upgrader: PluginUpgrader;
  rollback: PluginRollback;
  uninstaller: PluginUninstaller;
  scanner: PluginScanner;
  configurator: PluginConfigurator;
  doctor: PluginDoctor;
  recovery: PluginRecovery;
  versions: PluginVersionRepository;
  queue: KeyedQueue;
  events: EventBus;
  logger: Logger;
  isolationOf: (record: PluginRecord) => Isolation;
  /** False while no plugin may run: safe mode, or plugins are paused. */
  mayRun: () => boolean;
}

/**
 * What an operator can do with plugins. Operations on one plugin run one after the other. Every method that takes a
 * name throws PluginError PLUGIN_NOT_FOUND for one that is not installed, and PLUGIN_BUSY after 30 s of waiting.
 */
export class PluginManager {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  async list(filter: { status?: PluginStatus }): Promise<PluginSummary[]> {
    const { repository, versions, runner, isolationOf } = this.#options;
    const records = await repository.list(filter);
    const rollbacks = await versions.rollbacks();
    return records.map((record) => ({
      ...toSummary(record, isolationOf(record), runner.state(record.name)),
      ...rolledBack(rollbacks.get(record.id)),
    }));
  }

  async get(name: string): Promise<PluginDetail> {
    return this.#detail(await this.#find(name));
  }

  async counts(): Promise<Health['plugins']> {
    const { repository, runner } = this.#options;
    const records = await repository.list();
    const isRestarting = (name: string) => runner.state(name).state === 'restarting';
    const count = (status: PluginStatus) => records.filter((record) => record.status === status).length;
    return {
      installed: count('installed'),
      active: count('active'),
      restarting: records.filter((record) => isRestarting(record.name)).length,
      inactive: count('inactive'),
      error: count('error'),
    };
  }

  async enabledCount(): Promise<number> {
    return (await this.#options.repository.list()).filter((record) => record.enabled).length;
  }

  /** Installs or upgrades from an absolute path. Throws what PluginInstaller and PluginUpgrader throw. */
  async install(input: InstallInput): Promise<InstallOutput> {
    const source = await locatePackage(input.path);
    const manifest = await readManifest(source);
    return this.#options.queue.run(manifest.name, async () => {
      await this.#options.recovery.settle(manifest.name);
      const { record, warning } = await this.#installOrUpgrade(source, manifest, input);
      const warnings = [...manifestWarnings(record.manifest), ...(warning === null ? [] : [warning])];
      this.#changed(record.name);
      const plugin = await this.#detail(record);
      return warnings.length === 0 ? { plugin } : { plugin, warning: warnings.join(' ') };
    });
  }

  scan(): Promise<ScanOutput> {
    return this.#options.scanner.scan();
  }

  /** Starts the plugin. Throws PluginError ACTIVATION_FAILED, CONSENT_REQUIRED or ISOLATION_UNAVAILABLE. */
  activate(name: string): Promise<Done> {
    return this.#inTurn(name, async (record) => {
      if (record.status === 'active' && this.#options.runner.isRunning(name))
        return done(`Plugin '${name}' is active already.`);
      this.#refuseWhilePaused();
      await this.#options.activator.activate(record);
      return done(`Plugin '${name}' is active.`);
    });
  }

  deactivate(name: string): Promise<Done> {
    return this.#inTurn(name, async (record) => {
      await this.#options.activator.deactivate(record);
      return done(`Plugin '${name}' is inactive.`);
    });
  }

  /** Stops the plugin and starts it from what is on disk now. Throws what {@link activate} throws. */
  restart(name: string): Promise<Done> {
    return this.#inTurn(name, async (record) => {
      this.#refuseWhilePaused();
      await this.#options.runner.drain(name);
      await this.#options.activator.suspend(record);
      await this.#options.activator.activate(record);
      return done(`Plugin '${name}' was restarted and is active.`);
    });
  }

  /** Removes the plugin, its data, its config and its log, whether it can load or not. */
  uninstall(name: string): Promise<Done> {
    const { queue, recovery, repository, uninstaller } = this.#options;
    return queue.run(name, async () => {
      const settled = await recovery.settle(name);
      // An uninstall that was cut short is finished by that.
      if (!settled.includes('uninstall') || (await repository.find(name)))
        await uninstaller.uninstall(await this.#find(name));
      return done(`Plugin '${name}' is uninstalled; its folder, data, config and log are removed.`);
    });
  }

  /** Puts the version before the last upgrade back, with its config. Throws what PluginRollback throws. */
  rollback(name: string): Promise<Done> {
    return this.#inTurn(name, async (record) => {
      const { version } = await this.#options.rollback.rollback(record, 'the operator asked for it');
      this.#changed(name);
      return done(`Plugin '${name}' is back at version ${version}, which it was before ${record.version}.`);
    });
  }

  async config(name: string): Promise<PluginConfigOutput> {
    return this.#options.configurator.read(await this.#find(name));
  }

  updateConfig(name: string, config: PluginConfig): Promise<UpdateConfigOutput> {
    return this.#inTurn(name, (record) => this.#options.configurator.replace(record, config));
  }

  async logs(name: string, tail: number): Promise<LogLine[]> {
    await this.#find(name);
    return this.#options.runner.log(name).tail(tail);
  }

  /** What is right and wrong with the plugin as it is now; does not wait for operations on it. */
  async doctor(name: string): Promise<DoctorReport> {
    return this.#options.doctor.examine(await this.#find(name));
  }

  /** Settles the journal, then starts every enabled plugin. One that fails ends in `error` and stops nobody else. */
  async start(): Promise<void> {
    const { files, recovery } = this.#options;
    await files.prepare();
    await recovery.settleAll();
    await this.applyPause();
  }

  /** Starts or suspends every enabled plugin, after whether plugins may run has changed. */
  async applyPause(): Promise<void> {
    const { repository, activator, recovery, queue, mayRun, logger } = this.#options;
    const enabled = (await repository.list()).filter((record) => record.enabled);
    const settle = async (name: string) => {
      const record = await repository.find(name);
      if (!record?.enabled) return;
      activator.register(record);
      await recovery.settle(name);
      if (!mayRun()) await activator.suspend(record);
      else if (!this.#options.runner.isRunning(name)) await this.#bringUp(record);
    };
    await Promise.all(
      enabled.map(({ name }) =>
        queue
          .run(name, () => settle(name))
          .catch((error: unknown) => {
            logger.warn({ plugin: name, reason: messageOf(error) }, 'plugin.start-failed');
          }),
      ),
    );
  }

  /** Tells who watches to read every plugin again: what confines them may have changed. Never rejects. */
  async announceAll(): Promise<void> {
    try {
      for (const { name } of await this.#options.repository.list()) this.#changed(name);
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'plugins.not-announced');
    }
  }

  /** Refuses new operations, and makes those under way end or undo themselves soon. Hooks go on. */
  interrupt(): void {
    this.#options.queue.close();
    this.#options.runner.abort();
  }

  /** Stops every process; what was active stays so in the database, and runs again after the next start. */
  async stop(): Promise<void> {
    this.interrupt();
    await this.#options.queue.idle();
    await this.#options.runner.stopAll();
  }

  async #installOrUpgrade(
    source: string,
    manifest: Manifest,
    input: InstallInput,
  ): Promise<{ record: PluginRecord; warning: string | null }> {
    const { repository, installer, upgrader } = this.#options;
    const installed = await repository.find(manifest.name);
    if (!installed) return installer.install(source, manifest);
    return { record: await upgrader.upgrade(source, manifest, installed, input), warning: null };
  }

  /** Starts what nobody has asked for just now: a version that is new and fails is taken back. */
  async #bringUp(record: PluginRecord): Promise<void> {
    const { activator, rollback } = this.#options;
    try {
      await activator.activate(record);
    } catch (error) {
      const isItsFault = error instanceof PluginError && error.code === 'ACTIVATION_FAILED';
      if (!isItsFault || !(await rollback.rescue(record.name, messageOf(error)))) throw error;
    }
  }

  #refuseWhilePaused(): void {
    if (this.#options.mayRun()) return;
    throw new PluginError(
      'ACTIVATION_FAILED',
      'No plugin runs in safe mode or while plugins are paused. End that first.',
    );
  }

  #inTurn<T>(name: string, work: (record: PluginRecord) => Promise<T>): Promise<T> {
    return this.#options.queue.run(name, async () => {
      await this.#options.recovery.settle(name);
      return work(await this.#find(name));
    });
  }

  async #find(name: string): Promise<PluginRecord> {
    const record = await this.#options.repository.find(name);
    if (record) return record;
    throw new PluginError(
      'PLUGIN_NOT_FOUND',
      `No plugin named '${name}' is installed. GET /api/plugins lists those that are.`,
    );
  }

  async #detail(record: PluginRecord): Promise<PluginDetail> {
    const { isolationOf, runner, files, versions } = this.#options;
    const previousVersion = await files.versionOf(files.paths.previousOf(record.name));
    const rollbacks = await versions.rollbacks();
    return {
      ...toDetail(record, isolationOf(record), await runner.facts(record.name)),
      ...(previousVersion === null ? {} : { previousVersion }),
      ...rolledBack(rollbacks.get(record.id)),
    };
  }

  #changed(name: string): void {
    this.#options.events.publish({ topic: 'plugins', name, change: 'updated' });
  }
}

function rolledBack(known: RolledBack | undefined): { rolledBack?: RolledBack } {
  return known ? { rolledBack: known } : {};
}

function done(message: string): Done {
  return { success: true, message };
}
