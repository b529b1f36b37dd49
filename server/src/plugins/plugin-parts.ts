import type { EventBus } from '../event-bus.ts';
import type { Logger } from '../logger.ts';
import type { Sandbox } from '../plugin-process/sandbox.ts';
import type { Runtime } from '../runtime.ts';
import type { Journal } from './journal.ts';
import type { PluginActivator } from './plugin-activator.ts';
import type { PluginFiles } from './plugin-files.ts';
import type { PluginRecovery } from './plugin-recovery.ts';
import type { PluginRepository } from './plugin-repository.ts';
import type { PluginRunner } from './plugin-runner.ts';

/** What the operations on plugins work with; each takes its part of it. */
export interface PluginParts {
  repository: PluginRepository;
  journal: Journal;
  recovery: PluginRecovery;
  files: PluginFiles;
  runner: PluginRunner;
  activator: PluginActivator;
  sandbox: Sandbox;
  events: EventBus;
  runtime: Runtime;
  logger: Logger;
  /** False while no plugin may run: safe mode, or plugins are paused. */
  mayRun: () => boolean;
}
