import { askedPermissions, declaredHookNames, type Manifest } from '@omniroute/shared/manifest';
import type { Permission } from '@omniroute/shared/permission';
import type { PluginStatus } from '@omniroute/shared/plugin';
import type { PluginConfig, PluginConfigSchema } from '@omniroute/shared/plugin-config';
import type { HookName } from '@omniroute/shared/hook';

/** One installed plugin as the database holds it. Times are ISO 8601 UTC. */
export interface PluginRecord {
  id: string;
  name: string;
  version: string;
  description: string | null;
  author: string | null;
  license: string;
  main: string;
  source: 'local' | 'marketplace';
  tags: string[];
  /** The fact. */
  status: PluginStatus;
  /** The operator's wish. */
  enabled: boolean;
  manifest: Manifest;
  /** The stored values only; defaults come from `configSchema`. */
  config: PluginConfig;
  configSchema: PluginConfigSchema;
  hooks: HookName[];
  permissions: Permission[];
  pluginDir: string;
  errorMessage: string | null;
  installedAt: string;
  updatedAt: string;
  activatedAt: string | null;
}

/** What the operator agreed to: the most that a manifest's `requires` may ask for. */
export interface PluginGrant {
  permissions: Permission[];
  readPaths: string[];
  writePaths: string[];
  hosts: string[];
  env: string[];
}

/** The columns of a record that follow from its `plugin.json`. */
export function describeManifest(
  manifest: Manifest,
): Pick<
  PluginRecord,
  | 'version'
  | 'description'
  | 'author'
  | 'license'
  | 'main'
  | 'tags'
  | 'manifest'
  | 'configSchema'
  | 'hooks'
  | 'permissions'
> {
  const { version, description = null, author = null, license, main, tags, configSchema } = manifest;
  return {
    version,
    description,
    author,
    license,
    main,
    tags,
    manifest,
    configSchema,
    hooks: declaredHookNames(manifest),
    permissions: askedPermissions(manifest),
  };
}

/** A plugin that has just been put in place: not enabled, with no values of its own. */
export function newRecord(
  manifest: Manifest,
  given: { id: string; pluginDir: string; now: string },
): PluginRecord {
  return {
    id: given.id,
    name: manifest.name,
    ...describeManifest(manifest),
    source: 'local',
    status: 'installed',
    enabled: false,
    config: {},
    pluginDir: given.pluginDir,
    errorMessage: null,
    installedAt: given.now,
    updatedAt: given.now,
    activatedAt: null,
  };
}
