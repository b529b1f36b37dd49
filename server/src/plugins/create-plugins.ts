import type { EventBus } from '../event-bus.ts';
import type { Logger } from '../logger.ts';
import type { HookRegistry } from '../pipeline/hook-registry.ts';
import type { HookObserver } from '../pipeline/pipeline.ts';
import type { MachineIsolation } from '../plugin-process/isolation-probe.ts';
import { ResourceLimits } from '../plugin-process/resource-limits.ts';
import type { SandboxTools } from '../plugin-process/sandbox.ts';
import { Supervisor } from '../plugin-process/supervisor.ts';
import type { Runtime } from '../runtime.ts';
import { effectiveIsolation } from './effective-isolation.ts';
import { KeyedQueue } from './keyed-queue.ts';
import type { OperationRepository } from './operation-repository.ts';
import { PluginActivator } from './plugin-activator.ts';
import { PluginConfigurator } from './plugin-configurator.ts';
import { PluginFiles } from './plugin-files.ts';
import { PluginInstaller } from './plugin-installer.ts';
import { PluginLogs } from './plugin-logs.ts';
import { PluginManager } from './plugin-manager.ts';
import { PluginPaths } from './plugin-paths.ts';
import { PluginRecovery } from './plugin-recovery.ts';
import type { PluginRepository } from './plugin-repository.ts';
import { PluginReviver } from './plugin-reviver.ts';
import { PluginRunner } from './plugin-runner.ts';
import { PluginScanner } from './plugin-scanner.ts';
import { PluginUninstaller } from './plugin-uninstaller.ts';
import { PluginUpgrader } from './plugin-upgrader.ts';
import { ProcessHistory } from './process-history.ts';
import { ProcessLauncher } from './process-launcher.ts';

interface Options {
  repository: PluginRepository;
  operations: OperationRepository;
  dataDir: string;
  registry: HookRegistry;
  events: EventBus;
  runtime: Runtime;
  logger: Logger;
  tools: SandboxTools;
  isolation: MachineIsolation;
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
  const { repository, operations, dataDir, registry, events, runtime, logger, tools, isolation, mayRun } =
    options;
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
  const launcher = new ProcessLauncher({ tools, logs, history, limits });
  const runner = new PluginRunner({ launcher, logs, history, supervisor, onStateChange: changed });
  const activator = new PluginActivator({
    repository,
    runner,
    supervisor,
    limits,
    registry,
    files,
    events,
    runtime,
    logger,
  });
  const reviver = new PluginReviver({ repository, runner, supervisor, activator, queue, logger, mayRun });
  const parts = { repository, operations, files, runner, activator, events, runtime, logger, mayRun };
  const manager = new PluginManager({
    repository,
    files,
    runner,
    activator,
    installer: new PluginInstaller(parts),
    upgrader: new PluginUpgrader(parts),
    uninstaller: new PluginUninstaller(parts),
    scanner: new PluginScanner({ repository, files, runner, queue, events, runtime }),
    configurator: new PluginConfigurator({ repository, runner, activator, events, runtime }),
    recovery: new PluginRecovery({ repository, operations, files, logger }),
    queue,
    events,
    logger,
    isolationOf: (record) => effectiveIsolation(isolation, record.permissions),
    mayRun,
  });
  return { manager, runner, observer: observeHooks(runner, logger) };
}

const maxStackLines = 10;

/** A hook that fails is never silent: the plugin's log and the service's both have it. */
function observeHooks(runner: PluginRunner, logger: Logger): HookObserver {
  const write = (plugin: string, text: string) => runner.log(plugin).write('host', text);
  return {
    failed: ({ plugin, hook, policy, requestId, failure, message, pluginStack }) => {
      logger.warn({ plugin, hook, policy, requestId, failure, reason: message }, 'hook.failed');
      write(plugin, `${hook} failed (${failure}, ${policy}): ${message}`);
      for (const line of pluginStack?.split('\n').slice(1, 1 + maxStackLines) ?? []) write(plugin, line);
    },
    noted: (plugin, note) => write(plugin, note),
    broke: (error) => logger.error({ err: error }, 'hook.broke'),
  };
}
