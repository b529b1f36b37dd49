import type { Isolation } from '@omniroute/shared/isolation';
import type { PluginDetail, PluginSummary } from '@omniroute/shared/plugin';
import { maskSecrets } from '@omniroute/shared/plugin-config';
import type { PluginRecord } from './plugin-record.ts';

/** A plugin as lists show it. */
export function toSummary(
  record: PluginRecord,
  isolation: Isolation,
  process: PluginSummary['process'],
): PluginSummary {
  const {
    main: _,
    config: _config,
    configSchema: _schema,
    manifest: _manifest,
    pluginDir: _dir,
    ...shown
  } = record;
  return { ...shown, isolation, process };
}

/** A plugin with all that is known of it; secrets are masked. */
export function toDetail(
  record: PluginRecord,
  isolation: Isolation,
  process: PluginDetail['process'],
): PluginDetail {
  return {
    ...toSummary(record, isolation, process),
    main: record.main,
    config: maskSecrets(record.configSchema, record.config),
    configSchema: record.configSchema,
    manifest: { ...record.manifest },
    skills: record.manifest.skills,
    pluginDir: record.pluginDir,
    process,
  };
}
