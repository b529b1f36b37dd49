import { isDeepStrictEqual } from 'node:util';
import { declaredHooks } from '@omniroute/shared/manifest';
import { messageOf, PluginError, reasonOf } from '../errors.ts';
import type { EventBus } from '../event-bus.ts';
import type { Logger } from '../logger.ts';
import type { HookRegistry } from '../pipeline/hook-registry.ts';
import { HookCallError } from '../plugin-process/hook-call-error.ts';
import type { PluginProcess } from '../plugin-process/plugin-process.ts';
import type { ResourceLimits } from '../plugin-process/resource-limits.ts';
import type { Sandbox } from '../plugin-process/sandbox.ts';
import type { Supervisor } from '../plugin-process/supervisor.ts';
import type { Runtime } from '../runtime.ts';
import { logStep } from './journal.ts';
import type { OperationStep } from './operation.ts';
import type { PluginFiles } from './plugin-files.ts';
import { launchSpec } from './launch-spec.ts';
import { checkConsent, grantOf, refuseExec } from './plugin-grants.ts';
import { resolveEntry } from './plugin-entry.ts';
import { readManifest } from './read-manifest.ts';
import { describeManifest, type PluginGrant, type PluginRecord } from './plugin-record.ts';
import type { PluginRepository } from './plugin-repository.ts';
import type { PluginRunner } from './plugin-runner.ts';

interface Options {
  repository: PluginRepository;
  runner: PluginRunner;
  supervisor: Supervisor;
  limits: ResourceLimits;
  sandbox: Sandbox;
  registry: HookRegistry;
  files: PluginFiles;
  events: EventBus;
  runtime: Runtime;
  logger: Logger;
}

/** Brings plugins up and down: `active` is said only of one that has answered its handshake. */
export class PluginActivator {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * Starts the plugin from what is on disk now, whatever it did before. The caller holds the plugin's turn in the queue.
   *
   * @throws PluginError ACTIVATION_FAILED, CONSENT_REQUIRED or ISOLATION_UNAVAILABLE; the plugin is in `error` then
   */
  async activate(record: PluginRecord): Promise<PluginRecord> {
    this.#options.supervisor.forget(record.name);
    try {
      const active = await this.#bringUp(record, { enabled: true, activatedAt: this.#now() });
      const { name, version } = active;
      this.#options.logger.info({ plugin: name, version }, 'plugin.activated');
      return active;
    } catch (error) {
      throw await this.#failed(record, error);
    }
  }

  /**
   * Starts an enabled plugin after the service has started, or may run plugins again. Its `activatedAt` stays.
   *
   * @throws {PluginError} those of {@link activate}; the plugin is in `error` then
   */
  async resume(record: PluginRecord): Promise<void> {
    this.#options.supervisor.forget(record.name);
    try {
      const { name, version } = await this.#bringUp(record, {});
      this.#options.logger.info({ plugin: name, version }, 'plugin.resumed');
    } catch (error) {
      throw await this.#failed(record, error);
    }
  }

  /**
   * Starts an active plugin again that has crashed, from what is on disk now. The caller holds its turn in the queue.
   *
   * @throws {PluginError} where no further start can succeed
   * @throws {Error} where it did not start this time. Neither changes its row
   */
  async revive(record: PluginRecord): Promise<void> {
    const { name, version } = await this.#bringUp(record, {});
    this.#options.logger.info({ plugin: name, version }, 'plugin.restarted');
  }

  async #bringUp(record: PluginRecord, changes: Partial<PluginRecord>): Promise<PluginRecord> {
    const { repository, runner, files } = this.#options;
    const { current, grant } = await this.#readFromDisk(record);
    this.#step(record.name, 'read');
    const spec = await launchSpec(current, current.pluginDir, grant, files);
    await this.#checkQuota(spec.dataDir);
    const process = await runner.launch(spec);
    this.#step(record.name, 'launched');
    await this.#runOnActivate(process, current);
    this.#step(record.name, 'greeted');
    const active: PluginRecord = {
      ...current,
      status: 'active',
      errorMessage: null,
      updatedAt: this.#now(),
      ...changes,
    };
    runner.admit(active.name, process);
    // A disk that takes no writes must not keep a plugin from running that its row calls active already.
    if (!isSame(active, record)) await repository.save(active, grant);
    this.#step(record.name, 'saved');
    this.register(active);
    this.#changed(active.name);
    return active;
  }

  /** Puts the hooks of an enabled plugin in the pipeline, whether it runs or not. */
  register(record: PluginRecord): void {
    const { name, installedAt, manifest } = record;
    this.#options.registry.register({ name, installedAt, hooks: declaredHooks(manifest) });
  }

  /** Takes the plugin down in good order. `beforeStop` runs last, while the process still answers. */
  async deactivate(record: PluginRecord, beforeStop?: () => Promise<void>): Promise<PluginRecord> {
    const { repository, runner, registry, logger } = this.#options;
    const { name } = record;
    const isRunning = runner.isRunning(name);
    if (isRunning && record.hooks.includes('onDeactivate')) {
      await this.attempt(name, 'onDeactivate', () => runner.callRunning(name, 'onDeactivate'));
    }
    const status = record.status === 'installed' ? 'installed' : 'inactive';
    const inactive: PluginRecord = {
      ...record,
      status,
      enabled: false,
      errorMessage: null,
      updatedAt: this.#now(),
    };
    // The row first: where it cannot be written, the plugin goes on as it was, and a guard goes on guarding.
    await repository.save(inactive);
    registry.unregister(name);
    await runner.drain(name);
    if (isRunning) await beforeStop?.();
    await runner.stop(name);
    logger.info({ plugin: name }, 'plugin.deactivated');
    this.#changed(name);
    return inactive;
  }

  /** Stops the process, and nothing else: no hook runs, and the operator's wish stays. */
  async suspend(record: PluginRecord): Promise<void> {
    const { repository, runner } = this.#options;
    // The row first: where it cannot be written, the plugin goes on as it was.
    if (record.status === 'active')
      await repository.save({ ...record, status: 'inactive', updatedAt: this.#now() });
    await runner.stop(record.name);
    this.#changed(record.name);
  }

  /** Records that the plugin is not started again. Its hooks stay registered: a guard is still a guard. */
  async giveUp(record: PluginRecord, errorMessage: string): Promise<void> {
    const { repository, logger } = this.#options;
    await repository.saveFailure({ ...record, status: 'error', errorMessage, updatedAt: this.#now() });
    logger.error({ plugin: record.name, reason: errorMessage }, 'plugin.given-up');
    this.#changed(record.name);
  }

  /** Runs something whose failure is written to the plugin's log and blocks nothing. */
  async attempt(name: string, what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.runner.log(name).write('host', `${what} failed: ${messageOf(error)}`);
      this.#options.logger.warn({ plugin: name, err: error }, 'plugin.lifecycle-hook-failed');
    }
  }

  async #readFromDisk(record: PluginRecord): Promise<{ current: PluginRecord; grant: PluginGrant }> {
    const { repository, files, sandbox } = this.#options;
    const dir = files.paths.plugin(record.name);
    if (dir !== record.pluginDir) {
      throw new PluginError(
        'ACTIVATION_FAILED',
        `Its folder should be ${dir}, but is recorded elsewhere. Uninstall it and install it again.`,
      );
    }
    if (!(await files.exists(record.name))) {
      throw new PluginError(
        'ACTIVATION_FAILED',
        'Its folder is gone. Put it back and activate the plugin, or uninstall it.',
      );
    }
    await files.inspect(dir);
    const manifest = await readManifest(dir);
    if (manifest.name !== record.name) {
      throw new PluginError(
        'ACTIVATION_FAILED',
        `plugin.json names '${manifest.name}' now; the folder is that of '${record.name}'.`,
      );
    }
    const grant = (await repository.grant(record.id)) ?? grantOf(record.manifest);
    checkConsent(manifest, grant);
    refuseExec(manifest, sandbox);
    await resolveEntry(dir, manifest);
    return { current: { ...record, ...describeManifest(manifest) }, grant };
  }

  async #checkQuota(dataDir: string | undefined): Promise<void> {
    const excess = dataDir === undefined ? null : await this.#options.limits.dataExcess(dataDir);
    if (excess !== null) throw new PluginError('ACTIVATION_FAILED', excess);
  }

  async #runOnActivate(process: PluginProcess, record: PluginRecord): Promise<void> {
    if (!record.hooks.includes('onActivate')) return;
    try {
      await this.#options.runner.callLifecycle(record.name, process, 'onActivate');
    } catch (error) {
      const exit = await this.#options.runner.dismiss(record.name, process);
      const hasEnded = error instanceof HookCallError && error.failure === 'EXITED';
      const reason = hasEnded ? exit.reason : messageOf(error);
      throw new Error(`onActivate failed: ${reason}`, { cause: error });
    }
  }

  async #failed(record: PluginRecord, error: unknown): Promise<PluginError> {
    const { repository, runner, logger } = this.#options;
    const known =
      error instanceof PluginError && ['CONSENT_REQUIRED', 'ISOLATION_UNAVAILABLE'].includes(error.code);
    const reason = reasonOf(error);
    const shown = known
      ? error
      : new PluginError('ACTIVATION_FAILED', `Plugin '${record.name}' cannot be activated: ${reason}`, {
          cause: error,
        });
    await runner.discard(record.name);
    const latest = (await repository.find(record.name)) ?? record;
    await repository.saveFailure({
      ...latest,
      status: 'error',
      errorMessage: reason,
      updatedAt: this.#now(),
    });
    logger.warn({ plugin: record.name, reason }, 'plugin.activation-failed');
    logger.debug({ plugin: record.name, err: error }, 'plugin.activation-failed');
    this.#changed(record.name);
    return shown;
  }

  #step(plugin: string, step: OperationStep): void {
    logStep(this.#options.logger, { kind: 'activate', plugin, step });
  }

  #changed(name: string): void {
    this.#options.events.publish({ topic: 'plugins', name, change: 'updated' });
  }

  #now(): string {
    return this.#options.runtime.now().toISOString();
  }
}

/** Whether two records say the same, but for when they were written. */
function isSame(a: PluginRecord, b: PluginRecord): boolean {
  return isDeepStrictEqual({ ...a, updatedAt: '' }, { ...b, updatedAt: '' });
}
