import type { Permission } from '@omniroute/shared/permission';
import type { EventBus } from '../event-bus.ts';
import type { Logger } from '../logger.ts';
import type { GuardedRequest } from '../outbound/guarded-request.ts';
import type { HookRegistry } from '../pipeline/hook-registry.ts';
import type { HookObserver } from '../pipeline/pipeline.ts';
import { ResourceLimits } from '../plugin-process/resource-limits.ts';
import type { Sandbox } from '../plugin-process/sandbox.ts';
import { Supervisor } from '../plugin-process/supervisor.ts';
import type { Runtime } from '../runtime.ts';
import { effectiveIsolation } from './effective-isolation.ts';
import { Journal } from './journal.ts';
import { type HookCounter, observeHooks } from './observe-hooks.ts';
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
import { PluginReader } from './plugin-reader.ts';
import { PluginRecovery } from './plugin-recovery.ts';
import type { PluginRepository } from './plugin-repository.ts';
import { PluginReviver } from './plugin-reviver.ts';
import { PluginRollback } from './plugin-rollback.ts';
import { PluginRunner } from './plugin-runner.ts';
import { PluginScanner } from './plugin-scanner.ts';
import { PluginStarter } from './plugin-starter.ts';
import { PluginTurns } from './plugin-turns.ts';
import { PluginUninstaller } from './plugin-uninstaller.ts';
import { PluginUpgrader } from './plugin-upgrader.ts';
import type { PluginVersionRepository } from './plugin-version-repository.ts';
import { ProcessHistory } from './process-history.ts';
import { ProcessLauncher } from './process-launcher.ts';
import { VersionSwapper } from './version-swapper.ts';

interface Options {
  repository: PluginRepository;
  versions: PluginVersionRepository;
  operations: OperationRepository;
  dataDir: string;
  registry: HookRegistry;
  events: EventBus;
  runtime: Runtime;
  logger: Logger;
  /** Makes the requests of the plugins' `fetch`. */
  request: GuardedRequest;
  sandbox: Sandbox;
  counter: HookCounter;
  /** False while no plugin may run: safe mode, or plugins are paused. */
  mayRun: () => boolean;
}

interface Plugins {
  manager: PluginManager;
  reader: PluginReader;
  starter: PluginStarter;
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
    request,
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
  const limits = new ResourceLimits(() => runtime.monotonicMs(), logger);
  const launcher = new ProcessLauncher({ sandbox, logs, history, limits, request, runtime, logger });
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
  const journal = new Journal(operations, files, logger);
  const recovery = new PluginRecovery({
    repository,
    operations,
    files,
    runner,
    runtime,
    logger,
    forgetCounts: (name) => counter.forget(name),
  });
  const turns = new PluginTurns({
    queue,
    recovery,
    repository,
    registry,
    activator,
    runner,
    events,
    logger,
    mayRun,
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
  const reader = new PluginReader({
    repository,
    versions,
    files,
    runner,
    events,
    logger,
    isolationOf: ({ name, permissions }) => isolationOf(name, permissions),
  });
  const manager = new PluginManager({
    repository,
    runner,
    reader,
    activator,
    doctor,
    installer: new PluginInstaller(parts),
    upgrader: new PluginUpgrader({ ...parts, swapper }),
    rollback,
    uninstaller: new PluginUninstaller({ ...parts, forgetCounts: (name) => counter.forget(name) }),
    scanner: new PluginScanner({ repository, files, runner, turns, events, runtime }),
    configurator: new PluginConfigurator({ repository, runner, activator, events, runtime, logger }),
    recovery,
    queue,
    turns,
    events,
    mayRun,
  });
  const starter = new PluginStarter({
    repository,
    files,
    runner,
    activator,
    rollback,
    recovery,
    queue,
    turns,
    logger,
    mayRun,
  });
  return { manager, reader, starter, runner, observer: observeHooks(runner, counter, logger) };
}
