import type { HookName, LifecycleHook } from '@omniroute/shared/hook';
import type { MachineIsolation } from '@omniroute/shared/isolation';
import { declaredHookNames } from '@omniroute/shared/manifest';
import type { PluginDetail, PluginSummary, ProcessState } from '@omniroute/shared/plugin';
import type { PluginConfig } from '@omniroute/shared/plugin-config';
import type { HookInvoker } from '../pipeline/pipeline.ts';
import type { ProcessFault } from '@omniroute/shared/process-fault';
import { HookCallError, type HookCallFailure } from '../plugin-process/hook-call-error.ts';
import type { PluginLog } from '../plugin-process/plugin-log.ts';
import type { HookCall, PluginProcess } from '../plugin-process/plugin-process.ts';
import { type ProcessExit, StartError } from '../plugin-process/process-exit.ts';
import type { HookReply } from '../plugin-process/read-frame.ts';
import type { Supervisor } from '../plugin-process/supervisor.ts';
import type { LaunchSpec } from './launch-spec.ts';
import type { PluginLogs } from './plugin-logs.ts';
import type { ProcessHistory } from './process-history.ts';
import type { ProcessLauncher } from './process-launcher.ts';

const lifecycleTimeoutMs = 10_000;
const drainTimeoutMs = 5_000;

/** What is still so after a restart. */
const lastingFaults: readonly (ProcessFault | null)[] = ['DATA_QUOTA'];

type ProcessFacts = PluginDetail['process'];

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
  launcher: ProcessLauncher;
  logs: PluginLogs;
  history: ProcessHistory;
  /** Hears of every crash of a process that was admitted. */
  supervisor: Supervisor;
  onStateChange: (name: string) => void;
  /** A hook of the plugin's own life was called. */
  onCalled: (call: LifeHookCall) => void;
}

/** Owns the processes of the plugins, one for each. */
export class PluginRunner implements HookInvoker {
  readonly #options: Options;
  readonly #running = new Map<string, PluginProcess>();
  readonly #states = new Map<string, ProcessState>();
  readonly #stopping = new AbortController();

  constructor(options: Options) {
    this.#options = options;
  }

  log(name: string): PluginLog {
    return this.#options.logs.of(name);
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
    if (!this.#running.has(name)) this.#setState(name, 'starting');
    try {
      return await this.#start(spec, declaredHookNames(spec.manifest));
    } catch (error) {
      if (error instanceof StartError) this.#options.history.exited(name, error.exit);
      if (!this.#running.has(name)) this.#setState(name, 'failed');
      throw error;
    }
  }

  /** Ends a process that was launched, but is not admitted after all. Resolves with how it ended. */
  async dismiss(name: string, process: PluginProcess): Promise<ProcessExit> {
    await process.stop();
    const exit = await process.exited;
    this.#options.history.exited(name, exit);
    if (!this.#running.has(name)) this.#setState(name, 'failed');
    return exit;
  }

  /** Sees whether a process of this plugin would start, beside the one that serves. Rejects as {@link launch} does. */
  async rehearse(spec: LaunchSpec): Promise<void> {
    const process = await this.#start(spec, declaredHookNames(spec.manifest));
    await process.stop();
  }

  /** From here on calls reach this process, and an unexpected exit is a crash. */
  admit(name: string, process: PluginProcess): void {
    const other = this.#running.get(name);
    this.#running.set(name, process);
    this.#setState(name, 'running');
    // There is one process for each plugin, whatever was thought of the other.
    if (other && other !== process) void other.stop();
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

  /** Ends the process, or the wait for its next start. */
  async stop(name: string): Promise<void> {
    this.#options.supervisor.cancel(name);
    const process = this.#running.get(name);
    this.#running.delete(name);
    this.#setState(name, 'stopped');
    await process?.stop();
  }

  /** Ends a process that was admitted, but cannot stay: its start has failed. */
  async discard(name: string): Promise<void> {
    if (!this.#running.has(name)) return;
    await this.stop(name);
    this.#setState(name, 'failed');
  }

  /** Releases whoever waits for a process that starts, or for a lifecycle hook, and restarts nothing: the service is stopping. */
  abort(): void {
    this.#options.supervisor.close();
    this.#stopping.abort(new Error('the service is stopping'));
  }

  /** Ends every process in good order. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.stop(name)));
    await this.#options.logs.settled();
  }

  /** Forgets a plugin that is not installed any more, its log included. */
  async forget(name: string): Promise<void> {
    await this.#options.logs.remove(name);
    this.#states.delete(name);
    this.#options.history.forget(name);
    this.#options.supervisor.forget(name);
  }

  /** What the running process was confined by when it was started; null where none runs. */
  isolation(name: string): MachineIsolation | null {
    return this.#running.get(name)?.isolation ?? null;
  }

  /** The state of the process, and when it is started again. */
  state(name: string): PluginSummary['process'] {
    const nextRestartAt = this.#options.supervisor.nextRestartAt(name);
    if (nextRestartAt !== null) return { state: 'restarting', nextRestartAt };
    return { state: this.#states.get(name) ?? 'stopped' };
  }

  async facts(name: string): Promise<ProcessFacts> {
    const { supervisor, history } = this.#options;
    const process = this.#running.get(name);
    return {
      ...this.state(name),
      pid: process?.pid ?? null,
      uptimeMs: process ? Math.round(performance.now() - process.startedAtMs) : null,
      restarts: supervisor.restarts(name),
      memoryBytes: (await process?.memoryBytes()) ?? null,
      lastExit: history.lastExit(name),
      faults: history.faults(name),
      fetches: history.fetches(name),
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

  #setState(name: string, state: ProcessState): void {
    if (this.#states.get(name) === state) return;
    this.#states.set(name, state);
    this.#options.onStateChange(name);
  }

  #get(name: string): PluginProcess {
    const process = this.#running.get(name);
    if (!process) throw new HookCallError('NOT_RUNNING', 'the plugin is not running');
    return process;
  }

  #onExit(name: string, process: PluginProcess, exit: ProcessExit): void {
    const { history, supervisor } = this.#options;
    history.exited(name, exit);
    if (this.#running.get(name) !== process) return;
    this.#running.delete(name);
    this.log(name).write('host', exit.reason.split('\n', 1).join(''));
    supervisor.crashed(name, { reason: exit.reason, curable: !lastingFaults.includes(exit.fault) });
    this.#setState(name, 'failed');
  }

  #start(spec: LaunchSpec, hooks: readonly HookCall['hook'][]): Promise<PluginProcess> {
    const { signal } = this.#stopping;
    return this.#options.launcher.start(spec, { hooks, timeoutMs: lifecycleTimeoutMs, signal });
  }
}
