import type { Logger } from '../logger.ts';
import type { GuardedRequest } from '../outbound/guarded-request.ts';
import { type Fetched, PluginFetch } from '../outbound/plugin-fetch.ts';
import { childEnv } from '../plugin-process/child-env.ts';
import { type HookCall, PluginProcess } from '../plugin-process/plugin-process.ts';
import type { ResourceLimits } from '../plugin-process/resource-limits.ts';
import type { Runtime } from '../runtime.ts';
import { StartSlots } from '../plugin-process/start-slots.ts';
import type { Sandbox } from '../plugin-process/sandbox.ts';
import { messageOf } from '../errors.ts';
import type { LaunchSpec } from './launch-spec.ts';
import type { PluginLogs } from './plugin-logs.ts';
import type { ProcessHistory } from './process-history.ts';

interface Options {
  sandbox: Sandbox;
  logs: PluginLogs;
  history: ProcessHistory;
  limits: ResourceLimits;
  request: GuardedRequest;
  runtime: Runtime;
  logger: Logger;
}

interface LaunchOptions {
  /** The module must export each one. */
  hooks: readonly HookCall['hook'][];
  timeoutMs: number;
  /** Aborts when the service stops. */
  signal: AbortSignal;
}

/** Starts processes of plugins with what their manifest was granted, and nothing else. */
export class ProcessLauncher {
  readonly #options: Options;
  readonly #slots = new StartSlots();

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * Awaits the handshake. Where what should confine the process does not work, the machine is looked at again, and the
   * process started under what is left, as it would be after a restart of the service: the isolation that is shown has
   * changed by then.
   *
   * @throws as {@link PluginProcess.start} does, and {@link PluginError} ISOLATION_UNAVAILABLE
   */
  async start(spec: LaunchSpec, options: LaunchOptions): Promise<PluginProcess> {
    const { sandbox, logger } = this.#options;
    try {
      return await this.#slots.run(() => this.#start(spec, options));
    } catch (error) {
      if (options.signal.aborted || !sandbox.isToBlame(error)) throw error;
      logger.warn({ plugin: spec.manifest.name, reason: messageOf(error) }, 'isolation.layer-failed');
      await sandbox.probe();
      return this.#slots.run(() => this.#start(spec, options));
    }
  }

  async #start(spec: LaunchSpec, { hooks, timeoutMs, signal }: LaunchOptions): Promise<PluginProcess> {
    const { sandbox, logs, history, limits, runtime } = this.#options;
    const { manifest, dir, entry, config, dataDir, readPaths, writePaths, exec, envNames } = spec;
    const { name, version } = manifest;
    return PluginProcess.start({
      name,
      version,
      entry,
      hooks,
      manifestJson: JSON.stringify(manifest),
      configJson: JSON.stringify(config),
      dataDir,
      confinement: sandbox.confine({ pluginDir: dir, readPaths, writePaths, exec }),
      env: childEnv(envNames, dataDir),
      cwd: dir,
      log: logs.of(name),
      limits,
      monotonicMs: () => runtime.monotonicMs(),
      fetcher: this.#fetcher(spec),
      onFault: (fault, message) => history.noteFault(name, fault, message),
      handshakeTimeoutMs: timeoutMs,
      signal,
    });
  }

  #fetcher({ manifest, hosts }: LaunchSpec): PluginFetch | null {
    if (hosts === null) return null;
    const { request, logger } = this.#options;
    const { name } = manifest;
    return new PluginFetch({
      plugin: name,
      hosts: hosts === 'public' ? null : hosts,
      request,
      logger,
      onDone: (fetched) => this.#onFetched(name, fetched),
    });
  }

  #onFetched(name: string, fetched: Fetched): void {
    const { history, logs } = this.#options;
    const { host, failure } = fetched;
    history.fetched(name, fetched);
    if (failure === null || failure.reason === 'ABORTED') return;
    logs
      .of(name)
      .write('host', `fetch of ${host ?? 'no URL'} failed (${failure.reason}): ${failure.message}`);
  }
}
