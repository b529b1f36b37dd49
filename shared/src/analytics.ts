import { z } from 'zod';
import { hookNameSchema } from './hook.ts';
import { pluginRefSchema } from './plugin.ts';

const minutesPerDay = 24 * 60;
/** The span of `analytics.overview`, and of `analytics.metrics` unless it is told another. */
export const defaultWindowMinutes = 60;

const countSchema = z.int().min(0);
const timeSchema = z.iso.datetime();

/**
 * What became of the calls of a hook. `errors` are calls, and `timeouts` errors; each error is one of `bypasses`, where
 * the request went on without the hook, or of `refusals`, where the client got 503. A response that passes a hook
 * unseen, or is refused for it, is a bypass or a refusal without a call.
 */
export const hookCountsSchema = z.object({
  calls: countSchema,
  errors: countSchema,
  timeouts: countSchema,
  /** Calls of `onRequest` that answered the request: blocks and short-circuits. */
  blocks: countSchema,
  bypasses: countSchema,
  refusals: countSchema,
});
export type HookCounts = z.infer<typeof hookCountsSchema>;

/** Durations of the calls that ran to an end, in ms to within a bucket of 19 %; null where there was none. */
const percentilesSchema = z.object({
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
});
export type Percentiles = z.infer<typeof percentilesSchema>;

const hookFiguresSchema = z.object({
  hook: hookNameSchema,
  ...hookCountsSchema.shape,
  ...percentilesSchema.shape,
});
export type HookFigures = z.infer<typeof hookFiguresSchema>;

/** Since the plugin was installed; `event` is the name of the hook. */
const eventTotalsSchema = z.object({
  event: hookNameSchema,
  calls: countSchema,
  errors: countSchema,
  totalDurationMs: z.number(),
  averageMs: z.number(),
  lastCalledAt: timeSchema.nullable(),
});
export type EventTotals = z.infer<typeof eventTotalsSchema>;

export const metricsInputSchema = pluginRefSchema.extend({
  /** The span of `hooks`, this minute included. */
  windowMinutes: z.coerce.number().int().min(1).max(minutesPerDay).default(defaultWindowMinutes),
});
export type MetricsInput = z.infer<typeof metricsInputSchema>;

export const metricsOutputSchema = z.object({
  metrics: z.array(eventTotalsSchema),
  windowMinutes: z.number(),
  hooks: z.array(hookFiguresSchema),
});
export type MetricsOutput = z.infer<typeof metricsOutputSchema>;

/** In an address, `true` or `false`. */
const flagSchema = z.union([z.boolean(), z.stringbool({ truthy: ['true'], falsy: ['false'] })]);
const instantSchema = z.iso.datetime({ offset: true });

/** `from` and `to` are at most 24 hours apart. */
export const analyticsInputSchema = pluginRefSchema.extend({
  hook: hookNameSchema.optional(),
  /** Only the calls that succeeded, or only those that failed. The minutes count both. */
  success: flagSchema.optional(),
  /** 24 hours before `to`, if absent. */
  from: instantSchema.optional(),
  /** Now, if absent. */
  to: instantSchema.optional(),
  /** How many calls, the newest first. */
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  /** False leaves the minutes out: there may be many. */
  minutes: flagSchema.default(true),
});
export type AnalyticsInput = z.infer<typeof analyticsInputSchema>;

/** One call as it was recorded: every failure, and at most 10 successes a second per plugin and hook. */
const recordedCallSchema = z.object({
  hook: hookNameSchema,
  durationMs: z.number(),
  success: z.boolean(),
  /** `FAILURE: message`; null for a success. */
  error: z.string().nullable(),
  at: timeSchema,
});
export type RecordedCall = z.infer<typeof recordedCallSchema>;

const hookMinuteSchema = hookFiguresSchema.extend({ minute: timeSchema });
export type HookMinute = z.infer<typeof hookMinuteSchema>;

export const analyticsOutputSchema = z.object({
  calls: z.array(recordedCallSchema),
  /** Oldest first; a minute without calls has none. */
  minutes: z.array(hookMinuteSchema),
});
export type AnalyticsOutput = z.infer<typeof analyticsOutputSchema>;

const pluginOverviewSchema = hookCountsSchema
  .pick({ calls: true, errors: true, bypasses: true, refusals: true })
  .extend({ name: z.string(), p95Ms: percentilesSchema.shape.p95Ms });
export type PluginOverview = z.infer<typeof pluginOverviewSchema>;

/** Of every installed plugin, over the hooks that requests meet, in the last `windowMinutes`. */
export const overviewOutputSchema = z.object({
  windowMinutes: z.number(),
  plugins: z.array(pluginOverviewSchema),
});
export type OverviewOutput = z.infer<typeof overviewOutputSchema>;
