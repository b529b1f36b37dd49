import type { PluginConfigOutput, UpdateConfigOutput } from '@omniroute/shared/plugin';
import {
  configMaxBytes,
  configProblems,
  effectiveConfig,
  maskSecrets,
  type PluginConfig,
  unmaskSecrets,
} from '@omniroute/shared/plugin-config';
import { PluginError } from '../errors.ts';
import type { EventBus } from '../event-bus.ts';
import type { Logger } from '../logger.ts';
import type { Runtime } from '../runtime.ts';
import { logStep } from './journal.ts';
import type { PluginActivator } from './plugin-activator.ts';
import type { PluginRecord } from './plugin-record.ts';
import type { PluginRepository } from './plugin-repository.ts';
import type { PluginRunner } from './plugin-runner.ts';

interface Options {
  repository: PluginRepository;
  runner: PluginRunner;
  activator: PluginActivator;
  events: EventBus;
  runtime: Runtime;
  logger: Logger;
}

/** Reads and replaces the config of a plugin. */
export class PluginConfigurator {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  read({ config, configSchema }: PluginRecord): PluginConfigOutput {
    return {
      config: maskSecrets(configSchema, config),
      effective: maskSecrets(configSchema, effectiveConfig(configSchema, config)),
      configSchema,
    };
  }

  /**
   * Replaces the stored config and hands it to the running plugin.
   *
   * @throws PluginError INVALID_CONFIG with `details: [{ key, message }]`; nothing is stored then
   */
  async replace(record: PluginRecord, given: PluginConfig): Promise<UpdateConfigOutput> {
    const { repository, runner, activator, events, runtime, logger } = this.#options;
    const { name, configSchema } = record;
    const config = unmaskSecrets(configSchema, record.config, given);
    const details = configProblems(configSchema, config);
    if (details.length > 0) {
      const message = details.map((problem) => problem.message).join('; ');
      throw new PluginError('INVALID_CONFIG', `The config was not saved: ${message}.`, { details });
    }
    const effective = effectiveConfig(configSchema, config);
    const bytes = Buffer.byteLength(JSON.stringify(effective));
    if (bytes > configMaxBytes) {
      throw new PluginError(
        'INVALID_CONFIG',
        `The config was not saved: it is ${bytes} bytes; the limit is ${configMaxBytes}.`,
      );
    }
    await repository.save({ ...record, config, updatedAt: runtime.now().toISOString() });
    logStep(logger, { kind: 'configure', plugin: name, step: 'stored' });
    if (runner.isRunning(name))
      await activator.attempt(name, 'onConfigChange', () => runner.configure(record, effective));
    logStep(logger, { kind: 'configure', plugin: name, step: 'delivered' });
    events.publish({ topic: 'plugins', name, change: 'updated' });
    return { success: true, config: maskSecrets(configSchema, config) };
  }
}
