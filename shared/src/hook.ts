import { z } from 'zod';

/** Hooks of the request pipeline, in the order in which a request meets them. */
export const pipelineHooks = [
  'onRequest',
  'onResponse',
  'onError',
  'onStreamChunk',
  'onStreamComplete',
] as const;

/** Hooks of a plugin's own life. */
export const lifecycleHooks = ['onInstall', 'onActivate', 'onDeactivate', 'onUninstall'] as const;

export const hookNames = [...pipelineHooks, ...lifecycleHooks, 'onConfigChange', 'onRender'] as const;

export const hookNameSchema = z.enum(hookNames);
export type HookName = z.infer<typeof hookNameSchema>;
export type PipelineHook = (typeof pipelineHooks)[number];
export type LifecycleHook = (typeof lifecycleHooks)[number];

/** Declared hooks that this version accepts but does not call yet. Installing such a plugin says so in `warning`. */
export const hooksNotCalledYet: readonly HookName[] = ['onStreamChunk', 'onRender'];

const failurePolicies = ['open', 'closed'] as const;
const hookModes = ['intercept', 'observe'] as const;

export const hookSettingsSchema = z.object({
  enabled: z.boolean().default(true),
  /** Lower runs first. */
  priority: z.int().min(-1_000_000).max(1_000_000).default(100),
  timeoutMs: z.int().min(10).max(60_000).optional(),
  /** What happens to the request when the hook fails: `open` passes it unchanged, `closed` answers 503. */
  failure: z.enum(failurePolicies).default('open'),
  /** `observe`: the hook gets a snapshot off the client's path and its return is ignored. */
  mode: z.enum(hookModes).default('intercept'),
});

export type HookSettings = z.infer<typeof hookSettingsSchema>;
export type FailurePolicy = HookSettings['failure'];

/**
 * The deadline of one hook call in milliseconds, where the manifest sets none.
 * A client waits for the hooks on the request's path, so they get less.
 */
export function defaultTimeoutMs(hook: HookName): number {
  return hook === 'onRequest' || hook === 'onStreamChunk' ? 2_000 : 10_000;
}

export function isPipelineHook(hook: HookName): hook is PipelineHook {
  return pipelineHooks.some((name) => name === hook);
}
