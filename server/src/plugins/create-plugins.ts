import type { Permission } from '@omniroute/shared/permission';
import type { EventBus } from '../event-bus.ts';
import type { Logger } from '../logger.ts';
import type { HookRegistry } from '../pipeline/hook-registry.ts';
import type { HookCalled, HookObserver } from '../pipeline/pipeline.ts';
import { ResourceLimits } from '../plugin-process/resource-limits.ts';
import type { Sandbox } from '../plugin-process/sandbox.ts';
import { Supervisor } from '../plugin-process/supervisor.ts';
import type { Runtime } from '../runtime.ts';
import { effectiveIsolation } from './effective-isolation.ts';
import { Journal } from './journal.ts';
import { KeyedQueue } from './keyed-queue.ts';
import type { OperationRepository } from './operation-repository.ts';
import { PluginActivator } from './plugin-activator.ts';
import { PluginConfigurator } from './plugin-configurator.ts';
import { PluginDoctor } from './plugin-doctor.ts';
import { PluginFiles } from './plugin-files.ts';
import { PluginInstaller } from './plugin-installer.ts';
import { PluginLogs } from './plugin-logs.ts';
import { PluginManager } from './plugin-manager.ts';
import { PluginPaths } from './plugin-paths.ts';
import { PluginRecovery } from './plugin-recovery.ts';
import type { PluginRepository } from './plugin-repository.ts';
import { PluginReviver } from './plugin-reviver.ts';
import { PluginRollback } from './plugin-rollback.ts';
import { type LifeHookCall, PluginRunner } from './plugin-runner.ts';
import { PluginScanner } from './plugin-scanner.ts';
import { PluginUninstaller } from './plugin-uninstaller.ts';
import { PluginUpgrader } from './plugin-upgrader.ts';
import type { PluginVersionRepository } from './plugin-version-repository.ts';
import { ProcessHistory } from './process-history.ts';
import { ProcessLauncher } from './process-launcher.ts';
import { VersionSwapper } from './version-swapper.ts';

/** Where hook calls are counted. */
interface HookCounter extends Pick<HookObserver, 'unseen'> {
  /** Must not wait. */
  called(call: HookCalled | LifeHookCall): void;
  /** Deletes what was counted of a plugin. Never rejects. */
  forget(plugin: string): Promise<void>;
}

interface Options {
  repository: PluginRepository;
  versions: PluginVersionRepository;
  operations: OperationRepository;
  dataDir: string;
  registry: HookRegistry;
  events: EventBus;
  runtime: Runtime;
  logger: Logger;
  sandbox: Sandbox;
  counter: HookCounter;
  /** False while no plugin may run: safe mode, or plugins are paused. */
  mayRun: () => boolean;
}

interface Plugins {
  manager: PluginManager;
  runner: PluginRunner;
  observer: HookObserver;
}

/** Puts the parts of the plugin domain together. */
export function createPlugins(options: Options): Plugins {
  const {
    repository,
    versions,
    operations,
    dataDir,
    registry,
    events,
    runtime,
    logger,
    sandbox,
    counter,
    mayRun,
  } = options;
  const paths = new PluginPaths(dataDir);
  const files = new PluginFiles(paths);
  const queue = new KeyedQueue();
  const changed = (name: string) => events.publish({ topic: 'plugins', name, change: 'updated' });
  const supervisor = new Supervisor({ runtime, onDue: (name) => reviver.settle(name), onChange: changed });
  const logs = new PluginLogs({
    paths,
    runtime,
    logger,
    onLine: (name, line) => events.publish({ topic: 'logs', name, line }),
  });
  const history = new ProcessHistory(runtime);
  const limits = new ResourceLimits(() => runtime.monotonicMs());
  const launcher = new ProcessLauncher({ sandbox, logs, history, limits, logger });
  const runner = new PluginRunner({
    launcher,
    logs,
    history,
    supervisor,
    onStateChange: changed,
    onCalled: (call) => counter.called(call),
  });
  const activator = new PluginActivator({
    repository,
    runner,
    supervisor,
    limits,
    sandbox,
    registry,
    files,
    events,
    runtime,
    logger,
  });
  const journal = new Journal(operations, logger);
  const recovery = new PluginRecovery({
    repository,
    versions,
    operations,
    files,
    runner,
    runtime,
    logger,
  });
  const parts = {
    repository,
    journal,
    recovery,
    files,
    runner,
    activator,
    sandbox,
    events,
    runtime,
    logger,
    mayRun,
  };
  const swapper = new VersionSwapper(parts);
  const rollback = new PluginRollback({ ...parts, versions, swapper });
  const reviver = new PluginReviver({
    repository,
    runner,
    supervisor,
    activator,
    rollback,
    queue,
    logger,
    mayRun,
  });
  const isolationOf = (name: string, permissions: readonly Permission[]) =>
    effectiveIsolation(
      { now: sandbox.isolation, running: runner.isolation(name), execRefusal: sandbox.execRefusal },
      permissions,
    );
  const doctor = new PluginDoctor({
    repository,
    files,
    runner,
    registry,
    queue,
    runtime,
    logger,
    isolationOf,
    sandbox,
    mayRun,
  });
  const manager = new PluginManager({
    repository,
    files,
    runner,
    activator,
    doctor,
    installer: new PluginInstaller(parts),
    upgrader: new PluginUpgrader({ ...parts, swapper }),
    rollback,
    uninstaller: new PluginUninstaller({ ...parts, forgetCounts: (name) => counter.forget(name) }),
    scanner: new PluginScanner({ repository, files, runner, queue, events, runtime }),
    configurator: new PluginConfigurator({ repository, runner, activator, events, runtime, logger }),
    recovery,
    versions,
    queue,
    events,
    logger,
    isolationOf: ({ name, permissions }) => isolationOf(name, permissions),
    mayRun,
  });
  return { manager, runner, observer: observeHooks(runner, counter, logger) };
}

const maxStackLines = 10;

/** A hook that fails is never silent: the plugin's log and the service's both have it. */
function observeHooks(runner: PluginRunner, counter: HookCounter, logger: Logger): HookObserver {
  const write = (plugin: string, text: string) => runner.log(plugin).write('host', text);
  return {
    called: (call) => counter.called(call),
    unseen: (hook) => counter.unseen(hook),
    failed: ({ plugin, hook, policy, requestId, failure, message, pluginStack }) => {
      logger.warn({ plugin, hook, policy, requestId, failure, reason: message }, 'hook.failed');
      write(plugin, `${hook} failed (${failure}, ${policy}): ${message}`);
      for (const line of pluginStack?.split('\n').slice(1, 1 + maxStackLines) ?? []) write(plugin, line);
    },
    noted: (plugin, note) => write(plugin, note),
    broke: (error) => logger.error({ err: error }, 'hook.broke'),
  };
}
