import {
  type ConfigField,
  type ConfigScalar,
  configValueProblem,
  type PluginConfig,
  type PluginConfigSchema,
} from '@omniroute/shared/plugin-config';

/** What the form's inputs hold, by key. An empty text means: not set, so the default counts. */
export type ConfigValues = ReadonlyMap<string, ConfigScalar>;

/** The form's values for the config as the plugin reads it. */
export function configValues(schema: PluginConfigSchema, effective: PluginConfig): ConfigValues {
  return new Map(
    Object.entries(schema).map(([key, field]) => [
      key,
      scalarOf(Object.hasOwn(effective, key) ? effective[key] : undefined, field),
    ]),
  );
}

export function defaultValues(schema: PluginConfigSchema): ConfigValues {
  return configValues(
    schema,
    Object.fromEntries(Object.entries(schema).map(([key, field]) => [key, field.default])),
  );
}

/**
 * The config to store: values that differ from their default, so that a default that changes with an upgrade still
 * counts, and the stored keys that the schema does not name.
 */
export function configToStore(
  schema: PluginConfigSchema,
  stored: PluginConfig,
  values: ConfigValues,
): PluginConfig {
  const foreign = Object.entries(stored).filter(([key]) => !Object.hasOwn(schema, key));
  const chosen = Object.entries(schema).flatMap(([key, field]) => {
    const value = values.get(key);
    return value === undefined || isUnset(field, value) || value === field.default
      ? []
      : [[key, value] as const];
  });
  return Object.fromEntries([...foreign, ...chosen]);
}

/** What is wrong with the values, by key. */
export function valueProblems(schema: PluginConfigSchema, values: ConfigValues): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(schema).flatMap(([key, field]) => {
      const value = values.get(key);
      if (value === undefined || isUnset(field, value)) return [];
      const problem = configValueProblem(field, value);
      return problem === null ? [] : [[key, `It ${problem}`] as const];
    }),
  );
}

export function sameValues(left: ConfigValues, right: ConfigValues): boolean {
  return left.size === right.size && [...left].every(([key, value]) => right.get(key) === value);
}

/** An empty input; for a text with a default, the empty text is a value of its own. */
function isUnset(field: ConfigField, value: ConfigScalar): boolean {
  return value === '' && (field.type !== 'string' || field.default === undefined);
}

function scalarOf(value: unknown, field: ConfigField): ConfigScalar {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return field.type === 'boolean' ? false : '';
}
