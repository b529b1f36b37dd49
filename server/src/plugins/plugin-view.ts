import type { Isolation, PluginDetail, PluginSummary } from '@omniroute/shared/plugin';
import { maskSecrets } from '@omniroute/shared/plugin-config';
import type { PluginRecord } from './plugin-record.ts';

type ProcessFacts = PluginDetail['process'];

/** A plugin as lists show it. */
export function toSummary(
  record: PluginRecord,
  isolation: Isolation,
  state: ProcessFacts['state'],
): PluginSummary {
  const {
    main: _,
    config: _config,
    configSchema: _schema,
    manifest: _manifest,
    pluginDir: _dir,
    ...shown
  } = record;
  return { ...shown, isolation, process: { state } };
}

/** A plugin with all that is known of it; secrets are masked. */
export function toDetail(record: PluginRecord, isolation: Isolation, process: ProcessFacts): PluginDetail {
  return {
    ...toSummary(record, isolation, process.state),
    main: record.main,
    config: maskSecrets(record.configSchema, record.config),
    configSchema: record.configSchema,
    manifest: { ...record.manifest },
    skills: record.manifest.skills,
    pluginDir: record.pluginDir,
    process,
  };
}
