import { z } from 'zod';

const configFieldTypes = ['string', 'number', 'boolean', 'select'] as const;

const scalarSchema = z.union([z.string(), z.number(), z.boolean()]);
export type ConfigScalar = z.infer<typeof scalarSchema>;

/** A stored config: the operator's values only, without the schema's defaults. */
export const configSchema = z.record(z.string(), z.unknown());
export type PluginConfig = z.infer<typeof configSchema>;

/** At most this many bytes of JSON per plugin. */
export const configMaxBytes = 64 * 1024;

/** What a secret reads back as; writing it back keeps the stored value. */
export const secretMask = '••••';

export const configFieldSchema = z
  .object({
    type: z.enum(configFieldTypes),
    default: scalarSchema.optional(),
    /** For a number its least value, for a string its least length. */
    min: z.number().optional(),
    /** For a number its greatest value, for a string its greatest length. */
    max: z.number().optional(),
    enum: z
      .array(z.union([z.string(), z.number()]))
      .min(1)
      .optional(),
    description: z.string().max(500).optional(),
    secret: z.boolean().optional(),
  })
  .superRefine((field, issues) => {
    if (field.type === 'select' && field.enum === undefined) {
      issues.addIssue({ code: 'custom', path: ['enum'], message: 'a select needs its choices in "enum"' });
      return;
    }
    if (field.min !== undefined && field.max !== undefined && field.min > field.max) {
      issues.addIssue({
        code: 'custom',
        path: ['min'],
        message: `min ${field.min} is above max ${field.max}`,
      });
      return;
    }
    const problem = field.default === undefined ? null : configValueProblem(field, field.default);
    if (problem) issues.addIssue({ code: 'custom', path: ['default'], message: `default ${problem}` });
  });

export type ConfigField = z.infer<typeof configFieldSchema>;

export const pluginConfigSchemaSchema = z.record(z.string().min(1).max(100), configFieldSchema);
export type PluginConfigSchema = z.infer<typeof pluginConfigSchemaSchema>;

/** Why `value` is not acceptable for `field`, as the end of a sentence, or null. */
export function configValueProblem(
  field: Pick<ConfigField, 'type' | 'min' | 'max' | 'enum'>,
  value: unknown,
): string | null {
  if (field.type === 'boolean') return typeof value === 'boolean' ? null : 'must be true or false';
  if (field.type === 'number' && (typeof value !== 'number' || !Number.isFinite(value)))
    return 'must be a number';
  if (field.type === 'string' && typeof value !== 'string') return 'must be a string';
  if (typeof value !== 'string' && typeof value !== 'number') return 'must be a string or a number';
  if (field.enum && !field.enum.includes(value)) return `must be one of: ${field.enum.join(', ')}`;
  return boundsProblem(field, value);
}

function boundsProblem(field: Pick<ConfigField, 'min' | 'max'>, value: string | number): string | null {
  const size = typeof value === 'number' ? value : value.length;
  const what = typeof value === 'number' ? '' : ' characters';
  if (field.min !== undefined && size < field.min) return `must be at least ${field.min}${what}`;
  if (field.max !== undefined && size > field.max) return `must be at most ${field.max}${what}`;
  return null;
}

export interface ConfigProblem {
  key: string;
  message: string;
}

/** Every provided value that the schema does not accept. Keys that the schema does not name pass through. */
export function configProblems(schema: PluginConfigSchema, config: PluginConfig): ConfigProblem[] {
  return Object.entries(config).flatMap(([key, value]) => {
    const field = ownField(schema, key);
    const problem = field ? configValueProblem(field, value) : null;
    return problem ? [{ key, message: `"${key}" ${problem}` }] : [];
  });
}

/** The stored config over the schema's defaults: what the plugin reads as `ctx.config`. */
export function effectiveConfig(schema: PluginConfigSchema, config: PluginConfig): PluginConfig {
  const defaults = Object.entries(schema).flatMap(([key, field]) =>
    field.default === undefined ? [] : [[key, field.default] as const],
  );
  return { ...Object.fromEntries(defaults), ...config };
}

/** `config` with every stored secret replaced by {@link secretMask}. */
export function maskSecrets(schema: PluginConfigSchema, config: PluginConfig): PluginConfig {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => {
      const hidden = ownField(schema, key)?.secret === true && value !== '';
      return [key, hidden ? secretMask : value];
    }),
  );
}

/** `next` with every masked secret replaced by the value in `stored`; a mask with nothing stored is dropped. */
export function unmaskSecrets(
  schema: PluginConfigSchema,
  stored: PluginConfig,
  next: PluginConfig,
): PluginConfig {
  return Object.fromEntries(
    Object.entries(next).flatMap(([key, value]) => {
      if (value !== secretMask || ownField(schema, key)?.secret !== true) return [[key, value] as const];
      return Object.hasOwn(stored, key) ? [[key, stored[key]] as const] : [];
    }),
  );
}

function ownField(schema: PluginConfigSchema, key: string): ConfigField | undefined {
  return Object.hasOwn(schema, key) ? schema[key] : undefined;
}
