import { z } from 'zod';
import {
  defaultTimeoutMs,
  type HookName,
  hookNameSchema,
  hookNames,
  type HookSettings,
  hookSettingsSchema,
} from './hook.ts';
import { hostPatternSchema } from './host-pattern.ts';
import { isReservedEnvName, permissionSchema, type Permission } from './permission.ts';
import { pluginConfigSchemaSchema } from './plugin-config.ts';

/** The version of the plugin API, which `requires.omniroute` is judged against; not the version of this package. */
export const pluginApiVersion = '3.8.24';

export const manifestMaxBytes = 256 * 1024;
export const manifestMaxDepth = 32;

const windowsDeviceName = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])$/;
const reservedNames = new Set(['scan', 'marketplace', 'upload', 'events', 'node_modules', 'constructor']);

/** 1–100 of `a-z 0-9 -`; not a route word, `node_modules`, `constructor` or a Windows device name. */
export const pluginNameSchema = z
  .string()
  .min(1, 'must not be empty')
  .max(100, 'must be at most 100 characters')
  .regex(/^[a-z0-9-]+$/, 'may hold only the characters a-z, 0-9 and -')
  .refine(
    (name) => !reservedNames.has(name) && !windowsDeviceName.test(name),
    'is a reserved name; choose another',
  );

const versionSchema = z
  .string()
  .max(64)
  .regex(/^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/, 'must be MAJOR.MINOR.PATCH, such as 1.0.0');

const pathListSchema = z.array(
  z
    .string()
    .max(1_000)
    .regex(/^(\/|~\/)/, 'must be absolute or start with ~/')
    .refine(
      (path) => !/[\0*]/.test(path) && !path.split('/').includes('..'),
      'must not hold "..", "*" or NUL',
    ),
);

const requiresSchema = z.object({
  omniroute: z.string().max(200).optional(),
  permissions: z.array(permissionSchema).default([]),
  paths: z.object({ read: pathListSchema.default([]), write: pathListSchema.default([]) }).prefault({}),
  hosts: z.array(hostPatternSchema).default([]),
  env: z
    .array(
      z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable')
        .refine(
          (name) => !isReservedEnvName(name),
          'is never passed to a plugin (OMNIROUTE_*, NODE_*, LD_*)',
        ),
    )
    .default([]),
});

const hookDeclarationSchema = z.union([z.boolean(), hookSettingsSchema], {
  error: 'must be true, false or an object { enabled?, priority?, timeoutMs?, failure?, mode? }',
});

/** Unknown hook names: `false` is a warning (see {@link unknownHooks}), anything that enables one is an error. */
const hooksSchema = z.record(z.string(), hookDeclarationSchema).superRefine((hooks, issues) => {
  for (const [name, declaration] of Object.entries(hooks)) {
    if (hookNameSchema.safeParse(name).success || !isEnabled(declaration)) continue;
    issues.addIssue({
      code: 'custom',
      path: [name],
      message: `is not a hook; the hooks are ${hookNames.join(', ')}`,
    });
  }
});

const entryFileSchema = z
  .string()
  .min(1)
  .max(500)
  .refine(
    (path) =>
      !path.includes('\0') &&
      !path.startsWith('/') &&
      !path.includes('\\') &&
      !path.split('/').includes('..'),
    'must be a path inside the plugin directory',
  );

/** `plugin.json`. Unknown top-level keys are ignored: plugins written for other hosts carry them. */
export const manifestSchema = z.object({
  name: pluginNameSchema,
  version: versionSchema,
  description: z.string().max(500).optional(),
  author: z.string().max(200).optional(),
  license: z.string().max(200).default('MIT'),
  main: entryFileSchema.default('index.js'),
  source: z.enum(['local', 'marketplace']).default('local'),
  tags: z.array(z.string().max(100)).max(100).default([]),
  requires: requiresSchema.prefault({}),
  hooks: hooksSchema.default({}),
  skills: z
    .array(
      z.object({
        name: z.string().min(1),
        description: z.string().optional(),
        input: z.unknown().optional(),
        output: z.unknown().optional(),
      }),
    )
    .default([]),
  enabledByDefault: z.boolean().default(false),
  configSchema: pluginConfigSchemaSchema.default({}),
  integrity: z
    .string()
    .regex(/^sha256-[A-Za-z0-9+/]{43}=$/, 'must be sha256-<base64> of the entry file')
    .optional(),
});

export type Manifest = z.infer<typeof manifestSchema>;

/** One enabled hook with every default filled in. */
export interface DeclaredHook extends Omit<HookSettings, 'enabled' | 'timeoutMs'> {
  name: HookName;
  timeoutMs: number;
}

/** The hooks that a manifest enables, in the order of {@link hookNames}. */
export function declaredHooks(manifest: Pick<Manifest, 'hooks'>): DeclaredHook[] {
  return hookNames.flatMap((name) => {
    const declaration = Object.hasOwn(manifest.hooks, name) ? manifest.hooks[name] : undefined;
    if (declaration === undefined || !isEnabled(declaration)) return [];
    const {
      enabled: _,
      timeoutMs,
      ...settings
    } = hookSettingsSchema.parse(declaration === true ? {} : declaration);
    return [{ ...settings, name, timeoutMs: timeoutMs ?? defaultTimeoutMs(name) }];
  });
}

export function declaredHookNames(manifest: Pick<Manifest, 'hooks'>): HookName[] {
  return declaredHooks(manifest).map((hook) => hook.name);
}

/** Names under `hooks` that are no hooks; the manifest is valid only while they are all switched off. */
export function unknownHooks(manifest: Pick<Manifest, 'hooks'>): string[] {
  return Object.keys(manifest.hooks).filter((name) => !hookNameSchema.safeParse(name).success);
}

/** The permissions that a manifest asks for, without repetitions; `file-write` implies `file-read`. */
export function askedPermissions(manifest: Pick<Manifest, 'requires'>): Permission[] {
  const asked = new Set(manifest.requires.permissions);
  if (asked.has('file-write')) asked.add('file-read');
  return [...asked];
}

function isEnabled(declaration: boolean | HookSettings): boolean {
  return typeof declaration === 'boolean' ? declaration : declaration.enabled;
}

/** The JSON Schema of `plugin.json`, draft 2020-12, for editors (`"$schema"`) and `/plugin.schema.json`. */
export function manifestJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(manifestSchema, { io: 'input' }), title: 'OmniRoute plugin.json' };
}
