import type {
  Done,
  InstallInput,
  InstallOutput,
  LogLine,
  PluginConfigOutput,
  PluginDetail,
  PluginStatus,
  PluginSummary,
  ScanOutput,
  UpdateConfigOutput,
} from '@omniroute/shared/plugin';
import type { DoctorReport } from '@omniroute/shared/doctor';
import type { Manifest } from '@omniroute/shared/manifest';
import type { PluginConfig } from '@omniroute/shared/plugin-config';
import { PluginError } from '../errors.ts';
import type { EventBus } from '../event-bus.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import type { PluginActivator } from './plugin-activator.ts';
import type { PluginConfigurator } from './plugin-configurator.ts';
import type { PluginDoctor } from './plugin-doctor.ts';
import type { PluginInstaller } from './plugin-installer.ts';
import { locatePackage } from './locate-package.ts';
import { manifestWarnings, readManifest } from './read-manifest.ts';
import type { PluginReader } from './plugin-reader.ts';
import type { PluginRecord } from './plugin-record.ts';
import type { PluginRecovery } from './plugin-recovery.ts';
import type { PluginRepository } from './plugin-repository.ts';
import type { PluginRollback } from './plugin-rollback.ts';
import type { PluginRunner } from './plugin-runner.ts';
import type { PluginScanner } from './plugin-scanner.ts';
import type { PluginTurns } from './plugin-turns.ts';
import type { PluginUninstaller } from './plugin-uninstaller.ts';
import type { PluginUpgrader } from './plugin-upgrader.ts';

interface Options {
  repository: PluginRepository;
  reader: PluginReader;
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
  queue: KeyedQueue;
  turns: PluginTurns;
  events: EventBus;
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

  list(filter: { status?: PluginStatus }): Promise<PluginSummary[]> {
    return this.#options.reader.list(filter);
  }

  async get(name: string): Promise<PluginDetail> {
    return this.#options.reader.detail(await this.#find(name));
  }

  async logs(name: string, tail: number): Promise<LogLine[]> {
    await this.#find(name);
    return this.#options.runner.log(name).tail(tail);
  }

  /** Installs or upgrades from an absolute path. Throws what PluginInstaller and PluginUpgrader throw. */
  async install(input: InstallInput): Promise<InstallOutput> {
    const source = await locatePackage(input.path);
    const manifest = await readManifest(source);
    return this.#options.turns.take(manifest.name, async () => {
      const { record, warning } = await this.#installOrUpgrade(source, manifest, input);
      const warnings = [...manifestWarnings(record.manifest), ...(warning === null ? [] : [warning])];
      this.#changed(record.name);
      const plugin = await this.#options.reader.detail(record);
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
    const { queue, turns, recovery, repository, uninstaller } = this.#options;
    return queue.run(name, async () => {
      // Whatever an earlier operation has left is to go, too.
      const settled = await turns.settle(name).catch(() => recovery.abandon(name));
      // An uninstall that was cut short is finished by that.
      const isLeft = !settled.includes('uninstall') || (await repository.find(name));
      const isGone = isLeft ? await uninstaller.uninstall(await this.#find(name)) : true;
      return done(
        isGone
          ? `Plugin '${name}' is uninstalled; its folder, data, config and log are removed.`
          : `Plugin '${name}' is uninstalled, but not all of its files could be removed. The service's log says why; the next start tries again.`,
      );
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

  /** What is right and wrong with the plugin as it is now; does not wait for operations on it. */
  async doctor(name: string): Promise<DoctorReport> {
    return this.#options.doctor.examine(await this.#find(name));
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

  #refuseWhilePaused(): void {
    if (this.#options.mayRun()) return;
    throw new PluginError(
      'ACTIVATION_FAILED',
      'No plugin runs in safe mode or while plugins are paused. End that first.',
    );
  }

  #inTurn<T>(name: string, work: (record: PluginRecord) => Promise<T>): Promise<T> {
    return this.#options.turns.take(name, async () => work(await this.#find(name)));
  }

  async #find(name: string): Promise<PluginRecord> {
    const record = await this.#options.repository.find(name);
    if (record) return record;
    throw new PluginError(
      'PLUGIN_NOT_FOUND',
      `No plugin named '${name}' is installed. GET /api/plugins lists those that are.`,
    );
  }

  #changed(name: string): void {
    this.#options.events.publish({ topic: 'plugins', name, change: 'updated' });
  }
}

function done(message: string): Done {
  return { success: true, message };
}
