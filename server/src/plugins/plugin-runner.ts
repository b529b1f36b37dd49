import { readFile } from 'node:fs/promises';
import type { HookName, LifecycleHook } from '@omniroute/shared/hook';
import { declaredHookNames } from '@omniroute/shared/manifest';
import type { LogLine, PluginDetail, ProcessState } from '@omniroute/shared/plugin';
import type { PluginConfig } from '@omniroute/shared/plugin-config';
import type { Logger } from '../logger.ts';
import type { HookInvoker } from '../pipeline/pipeline.ts';
import { childEnv } from '../plugin-process/child-env.ts';
import { HookCallError, type HookCallFailure } from '../plugin-process/hook-call-error.ts';
import { PluginLog } from '../plugin-process/plugin-log.ts';
import { type HookCall, PluginProcess, type ProcessExit } from '../plugin-process/plugin-process.ts';
import type { HookReply } from '../plugin-process/read-frame.ts';
import { type SandboxTools, sandboxCommand } from '../plugin-process/sandbox.ts';
import type { Runtime } from '../runtime.ts';
import type { LaunchSpec } from './launch-spec.ts';
import type { PluginPaths } from './plugin-paths.ts';

const lifecycleTimeoutMs = 10_000;
const drainTimeoutMs = 5_000;

type ProcessFacts = PluginDetail['process'];
type LastExit = NonNullable<ProcessFacts['lastExit']>;

/** How a call of one of the hooks of a plugin's own life went. */
export interface LifeHookCall {
  plugin: string;
  hook: LifecycleHook | 'onConfigChange';
  /** No request passes, or is refused, for its failure. */
  policy: null;
  durationMs: number;
  outcome: 'DONE' | HookCallFailure;
  message: string;
}

interface Options {
  paths: PluginPaths;
  tools: SandboxTools;
  runtime: Runtime;
  logger: Logger;
  onLogLine: (name: string, line: LogLine) => void;
  /** A hook of the plugin's own life was called. */
  onCalled: (call: LifeHookCall) => void;
  /** A plugin that was admitted ended without being asked to. */
  onUnexpectedExit: (name: string, exit: ProcessExit) => void;
}

/** Owns the processes of the plugins, one for each, and their logs. */
export class PluginRunner implements HookInvoker {
  readonly #options: Options;
  readonly #running = new Map<string, PluginProcess>();
  readonly #states = new Map<string, ProcessState>();
  readonly #lastExits = new Map<string, LastExit>();
  readonly #logs = new Map<string, PluginLog>();
  readonly #stopping = new AbortController();

  constructor(options: Options) {
    this.#options = options;
  }

  /** The plugin's log; made at first use, kept until the plugin is uninstalled. */
  log(name: string): PluginLog {
    const known = this.#logs.get(name);
    if (known) return known;
    const { paths, runtime, logger, onLogLine } = this.#options;
    const log = new PluginLog({
      file: paths.logOf(name),
      now: () => runtime.now(),
      logger: logger.child({ plugin: name }),
      onLine: (line) => onLogLine(name, line),
    });
    this.#logs.set(name, log);
    return log;
  }

  isRunning(name: string): boolean {
    return this.#running.has(name);
  }

  /**
   * Starts a process and awaits its handshake. It serves no calls until it is admitted.
   *
   * @throws {Error} with a reason that an operator can read
   */
  async launch(spec: LaunchSpec): Promise<PluginProcess> {
    const { name } = spec.manifest;
    if (!this.#running.has(name)) this.#states.set(name, 'starting');
    try {
      return await this.#start(spec, declaredHookNames(spec.manifest));
    } catch (error) {
      if (!this.#running.has(name)) this.#states.set(name, 'failed');
      throw error;
    }
  }

  /** Ends a process that was launched, but is not admitted after all. */
  async dismiss(name: string, process: PluginProcess): Promise<void> {
    await process.stop();
    if (!this.#running.has(name)) this.#states.set(name, 'failed');
  }

  /** Sees whether a process of this plugin would start, beside the one that serves. Rejects as {@link launch} does. */
  async rehearse(spec: LaunchSpec): Promise<void> {
    const process = await this.#start(spec, declaredHookNames(spec.manifest));
    await process.stop();
  }

  /** From here on calls reach this process, and an unexpected exit is reported. */
  admit(name: string, process: PluginProcess): void {
    this.#running.set(name, process);
    this.#states.set(name, 'running');
    void process.exited.then((exit) => this.#onExit(name, process, exit));
  }

  /** Runs one lifecycle hook in a process of its own. Rejects with the hook's error, or what kept it from running. */
  async runOnce(spec: LaunchSpec, hook: LifecycleHook): Promise<void> {
    const process = await this.#start(spec, [hook]);
    try {
      await this.callLifecycle(spec.manifest.name, process, hook);
    } finally {
      await process.stop();
    }
  }

  async callLifecycle(plugin: string, process: PluginProcess, hook: LifecycleHook): Promise<void> {
    const { signal } = this.#stopping;
    await this.#counted(plugin, hook, () =>
      process.call({ hook, head: {}, parts: [], timeoutMs: lifecycleTimeoutMs, signal }),
    );
  }

  /** Runs a lifecycle hook in the running process. Rejects with HookCallError `NOT_RUNNING` where there is none. */
  async callRunning(name: string, hook: LifecycleHook): Promise<void> {
    await this.callLifecycle(name, this.#get(name), hook);
  }

  call(name: string, call: HookCall): Promise<HookReply> {
    const process = this.#running.get(name);
    if (process) return process.call(call);
    return Promise.reject(new HookCallError('NOT_RUNNING', 'the plugin is enabled, but not running'));
  }

  /** Gives a running plugin its new effective config and awaits its `onConfigChange`. */
  async configure(
    { name, hooks }: { name: string; hooks: readonly HookName[] },
    config: PluginConfig,
  ): Promise<void> {
    const { signal } = this.#stopping;
    const process = this.#get(name);
    const configure = () => process.configure(JSON.stringify(config), lifecycleTimeoutMs, signal);
    await (hooks.includes('onConfigChange') ? this.#counted(name, 'onConfigChange', configure) : configure());
  }

  /** Waits until the calls in flight are answered, 5 s at most. */
  async drain(name: string): Promise<void> {
    await this.#running.get(name)?.idle(drainTimeoutMs);
  }

  async stop(name: string): Promise<void> {
    const process = this.#running.get(name);
    this.#running.delete(name);
    this.#states.set(name, 'stopped');
    await process?.stop();
  }

  /** Releases whoever waits for a process that starts, or for a lifecycle hook: the service is stopping. */
  abort(): void {
    this.#stopping.abort(new Error('the service is stopping'));
  }

  /** Ends every process in good order. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.stop(name)));
    await Promise.all([...this.#logs.values()].map((log) => log.settled()));
  }

  /** Forgets a plugin that is not installed any more, its log included. */
  async forget(name: string): Promise<void> {
    await this.log(name).remove();
    this.#logs.delete(name);
    this.#states.delete(name);
    this.#lastExits.delete(name);
  }

  state(name: string): ProcessState {
    return this.#states.get(name) ?? 'stopped';
  }

  async facts(name: string): Promise<ProcessFacts> {
    const process = this.#running.get(name);
    return {
      state: this.state(name),
      pid: process?.pid ?? null,
      uptimeMs: process ? Math.round(performance.now() - process.startedAtMs) : null,
      restarts: 0,
      memoryBytes: process?.pid ? await residentBytes(process.pid) : null,
      lastExit: this.#lastExits.get(name) ?? null,
    };
  }

  async #counted(plugin: string, hook: LifeHookCall['hook'], call: () => Promise<unknown>): Promise<void> {
    const startedAt = performance.now();
    const report = (outcome: LifeHookCall['outcome'], message = '') => {
      const durationMs = performance.now() - startedAt;
      this.#options.onCalled({ plugin, hook, policy: null, durationMs, outcome, message });
    };
    try {
      await call();
    } catch (error) {
      if (error instanceof HookCallError) report(error.failure, error.message);
      throw error;
    }
    report('DONE');
  }

  #get(name: string): PluginProcess {
    const process = this.#running.get(name);
    if (!process) throw new HookCallError('NOT_RUNNING', 'the plugin is not running');
    return process;
  }

  #onExit(name: string, process: PluginProcess, exit: ProcessExit): void {
    const { code, signal, reason } = exit;
    this.#lastExits.set(name, { at: this.#options.runtime.now().toISOString(), code, signal, reason });
    if (this.#running.get(name) !== process) return;
    this.#running.delete(name);
    this.#states.set(name, 'failed');
    this.log(name).write('host', reason.split('\n', 1).join(''));
    this.#options.onUnexpectedExit(name, exit);
  }

  #start(spec: LaunchSpec, hooks: readonly HookCall['hook'][]): Promise<PluginProcess> {
    const { manifest, dir, entry, config, dataDir, readPaths, writePaths, envNames } = spec;
    return PluginProcess.start({
      name: manifest.name,
      version: manifest.version,
      entry,
      hooks,
      manifestJson: JSON.stringify(manifest),
      configJson: JSON.stringify(config),
      dataDir,
      command: sandboxCommand(this.#options.tools, { pluginDir: dir, readPaths, writePaths }),
      env: childEnv(envNames, dataDir),
      cwd: dir,
      log: this.log(manifest.name),
      handshakeTimeoutMs: lifecycleTimeoutMs,
      signal: this.#stopping.signal,
    });
  }
}

/** Resident set size from /proc; null where there is none, or the process is gone. */
async function residentBytes(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => null);
  const kilobytes = status === null ? undefined : /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}
