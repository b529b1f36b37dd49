import type { Logger } from '../logger.ts';
import type { HookCalled, HookObserver } from '../pipeline/pipeline.ts';
import type { LifeHookCall, PluginRunner } from './plugin-runner.ts';

/** Where hook calls are counted. */
export interface HookCounter extends Pick<HookObserver, 'unseen'> {
  /** Must not wait. */
  called(call: HookCalled | LifeHookCall): void;
  /** Deletes what was counted of a plugin. Never rejects. */
  forget(plugin: string): Promise<void>;
}

const maxStackLines = 10;

/** A hook that fails is never silent: the plugin's log and the service's both have it. */
export function observeHooks(runner: PluginRunner, counter: HookCounter, logger: Logger): HookObserver {
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
