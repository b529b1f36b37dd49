import { z } from 'zod';
import { hookNameSchema } from './hook.ts';
import { isolationSchema } from './isolation.ts';
import { pluginNameSchema } from './manifest.ts';
import { permissionSchema } from './permission.ts';
import { configSchema, pluginConfigSchemaSchema } from './plugin-config.ts';
import { processFaultSchema } from './process-fault.ts';

/** The fact: what the plugin is now. `enabled` beside it is the operator's wish. */
const pluginStatuses = ['installed', 'active', 'inactive', 'error'] as const;
export const pluginStatusSchema = z.enum(pluginStatuses);
export type PluginStatus = z.infer<typeof pluginStatusSchema>;

const processStates = ['stopped', 'starting', 'running', 'restarting', 'failed'] as const;
export const processStateSchema = z.enum(processStates);
export type ProcessState = z.infer<typeof processStateSchema>;

const timeSchema = z.iso.datetime();

/** That the plugin is on its previous version since, and why: the operator asked for it, or the newer one failed. */
export const rolledBackSchema = z.object({ from: z.string(), at: timeSchema, reason: z.string() });
export type RolledBack = z.infer<typeof rolledBackSchema>;

export const pluginSummarySchema = z.object({
  id: z.string(),
  name: z.string(),
  version: z.string(),
  description: z.string().nullable(),
  author: z.string().nullable(),
  license: z.string(),
  source: z.enum(['local', 'marketplace']),
  tags: z.array(z.string()),
  status: pluginStatusSchema,
  enabled: z.boolean(),
  /** The names of the enabled hooks; their settings are in the detail's manifest. */
  hooks: z.array(hookNameSchema),
  permissions: z.array(permissionSchema),
  isolation: isolationSchema,
  errorMessage: z.string().nullable(),
  installedAt: timeSchema,
  updatedAt: timeSchema,
  activatedAt: timeSchema.nullable(),
  process: z.object({
    state: processStateSchema,
    /** Of a plugin that is `restarting`. */
    nextRestartAt: timeSchema.optional(),
  }),
  /** Absent where the installed version is not the result of a rollback. */
  rolledBack: rolledBackSchema.optional(),
});
export type PluginSummary = z.infer<typeof pluginSummarySchema>;

const lastExitSchema = z.object({
  at: timeSchema,
  code: z.number().nullable(),
  signal: z.string().nullable(),
  /** The fault that ended the process; null where it ended for a reason of its own. */
  fault: processFaultSchema.nullable(),
  reason: z.string(),
});

/** One kind of fault since the service started, over all restarts of the plugin. */
const faultCountSchema = z.object({
  fault: processFaultSchema,
  count: z.number(),
  lastAt: timeSchema,
  /** What the service saw the last time. */
  message: z.string(),
});
export type FaultCount = z.infer<typeof faultCountSchema>;

/** What a plugin asked for by `fetch` since the service started, over all restarts of the plugin. */
const fetchCountsSchema = z.object({
  requests: z.number(),
  /** Of these, how many it got no answer to. */
  failed: z.number(),
  /** Of bodies. Those of a request that failed on its way count: they may have left. */
  bytesSent: z.number(),
  bytesReceived: z.number(),
  /** The 50 that were asked last, the latest first. */
  hosts: z.array(
    z.object({
      /** With the port, where that is not the scheme's own. */
      host: z.string(),
      requests: z.number(),
      failed: z.number(),
      lastAt: timeSchema,
      lastFailure: z.string().nullable(),
    }),
  ),
});
export type FetchCounts = z.infer<typeof fetchCountsSchema>;

export const pluginDetailSchema = pluginSummarySchema.extend({
  main: z.string(),
  /** The stored values, secrets masked. */
  config: configSchema,
  configSchema: pluginConfigSchemaSchema,
  manifest: z.record(z.string(), z.unknown()),
  skills: z.array(z.record(z.string(), z.unknown())),
  pluginDir: z.string(),
  previousVersion: z.string().optional(),
  process: z.object({
    state: processStateSchema,
    nextRestartAt: timeSchema.optional(),
    pid: z.number().nullable(),
    uptimeMs: z.number().nullable(),
    /** How often it was started again after a crash since an operator activated it. */
    restarts: z.number(),
    /** Proportional set size: what it holds alone, and its share of the rest. Null where the machine does not tell it. */
    memoryBytes: z.number().nullable(),
    lastExit: lastExitSchema.nullable(),
    /** The latest first. */
    faults: z.array(faultCountSchema),
    fetches: fetchCountsSchema,
  }),
});
export type PluginDetail = z.infer<typeof pluginDetailSchema>;

export const pluginRefSchema = z.strictObject({ name: pluginNameSchema });

/** An absent or empty filter is no filter. */
export const pluginListInputSchema = z
  .strictObject({ status: z.union([pluginStatusSchema, z.literal('')]).optional() })
  .default({});
export const pluginListOutputSchema = z.object({ plugins: z.array(pluginSummarySchema) });

export const installInputSchema = z.strictObject({
  path: z
    .string()
    .min(1, 'must not be empty')
    .max(4_096)
    .refine((path) => !path.includes('\0'), 'must not hold NUL')
    .refine((path) => path.startsWith('/') || /^[A-Za-z]:[\\/]/.test(path), 'must be an absolute path')
    .refine((path) => !path.split(/[\\/]/).includes('..'), 'must not hold ".." segments'),
  /** At an upgrade: keep the values that the new version's schema accepts. Otherwise config goes back to defaults. */
  keepConfig: z.boolean().optional(),
  /** Install a version that is not newer over the installed one. */
  replace: z.boolean().optional(),
  /** The permissions that the operator agrees to, where an upgrade asks for more than it was granted. */
  permissions: z.array(permissionSchema).optional(),
});
export type InstallInput = z.infer<typeof installInputSchema>;

export const installOutputSchema = z.object({ plugin: pluginDetailSchema, warning: z.string().optional() });
export type InstallOutput = z.infer<typeof installOutputSchema>;

export const pluginGetOutputSchema = z.object({ plugin: pluginDetailSchema });

export const scanOutputSchema = z.object({
  /** The number of valid plugin directories, newly registered or known before. */
  discovered: z.number(),
  errors: z.array(z.object({ name: z.string(), error: z.string() })),
});
export type ScanOutput = z.infer<typeof scanOutputSchema>;

export const doneSchema = z.object({ success: z.literal(true), message: z.string() });
export type Done = z.infer<typeof doneSchema>;

export const pluginConfigOutputSchema = z.object({
  config: configSchema,
  effective: configSchema,
  configSchema: pluginConfigSchemaSchema,
});
export type PluginConfigOutput = z.infer<typeof pluginConfigOutputSchema>;

export const updateConfigInputSchema = pluginRefSchema.extend({ config: configSchema });
export const updateConfigOutputSchema = z.object({ success: z.literal(true), config: configSchema });
export type UpdateConfigOutput = z.infer<typeof updateConfigOutputSchema>;

const logStreams = ['stdout', 'stderr', 'host'] as const;
/** One line of a plugin's log; `host` lines are the service's own (hook failures, exits, refused returns). */
export const logLineSchema = z.object({ time: timeSchema, stream: z.enum(logStreams), text: z.string() });
export type LogLine = z.infer<typeof logLineSchema>;

export const logsInputSchema = pluginRefSchema.extend({
  tail: z.coerce.number().int().min(1).max(5_000).default(200),
});
export const logsOutputSchema = z.object({ lines: z.array(logLineSchema) });
