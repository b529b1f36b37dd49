import {
  type ConfigField,
  configProblems,
  effectiveConfig,
  maskSecrets,
  pluginConfigSchemaSchema,
  secretMask,
  unmaskSecrets,
} from '@omniroute/shared/plugin-config';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const key = fc.oneof(
  fc.stringMatching(/^[a-zA-Z]{1,8}$/),
  fc.constantFrom('constructor', 'toString', 'hasOwnProperty'),
);
const bounds = { min: 1, max: 4 };
const field: fc.Arbitrary<ConfigField> = fc.oneof(
  fc.record({ type: fc.constant('string' as const), secret: fc.boolean() }),
  fc.constant<ConfigField>({ type: 'string', ...bounds }),
  fc.constant<ConfigField>({ type: 'number', ...bounds, default: 2 }),
  fc.constant<ConfigField>({ type: 'boolean', default: true }),
  fc.constant<ConfigField>({ type: 'select', enum: ['a', 'b', 3], default: 'a' }),
);
const schemas = fc.dictionary(key, field, { maxKeys: 6 });
const configs = fc.dictionary(key, fc.jsonValue(), { maxKeys: 6 });

test('a problem names a key of the schema that was given, once', () => {
  fc.assert(
    fc.property(schemas, configs, (schema, config) => {
      const keys = configProblems(schema, config).map((problem) => problem.key);
      expect(new Set(keys).size).toBe(keys.length);
      for (const name of keys) expect(Object.hasOwn(schema, name) && Object.hasOwn(config, name)).toBe(true);
    }),
  );
});

test("a schema's own defaults are acceptable to it", () => {
  fc.assert(
    fc.property(schemas, (schema) => {
      const parsed = pluginConfigSchemaSchema.parse(schema);
      expect(configProblems(parsed, effectiveConfig(parsed, {}))).toEqual([]);
    }),
  );
});

test('what is stored wins over the default, and no key is lost', () => {
  fc.assert(
    fc.property(schemas, configs, (schema, config) => {
      const effective = effectiveConfig(schema, config);
      for (const [name, value] of Object.entries(config)) expect(effective[name]).toEqual(value);
      for (const [name, { default: preset }] of Object.entries(schema)) {
        if (!Object.hasOwn(config, name) && preset !== undefined) expect(effective[name]).toBe(preset);
      }
    }),
  );
});

test('a masked config that is written back is the stored one', () => {
  fc.assert(
    fc.property(schemas, configs, (schema, stored) => {
      expect(unmaskSecrets(schema, stored, maskSecrets(schema, stored))).toEqual(stored);
    }),
  );
});

test('a masked config holds no secret', () => {
  const schema = { token: { type: 'string' as const, secret: true }, open: { type: 'string' as const } };
  expect(maskSecrets(schema, { token: 'sk-1', open: 'sk-1', other: 'sk-1' })).toEqual({
    token: secretMask,
    open: 'sk-1',
    other: 'sk-1',
  });
  expect(maskSecrets(schema, { token: '' })).toEqual({ token: '' });
});

test('the mask is an ordinary value in a field that is no secret', () => {
  const schema = { open: { type: 'string' as const } };
  expect(unmaskSecrets(schema, { open: 'x' }, { open: secretMask })).toEqual({ open: secretMask });
});
