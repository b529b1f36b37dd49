import type { Generated } from 'kysely';

/** The rows as SQLite holds them: JSON as text, booleans as 0 and 1, times as ISO 8601 text. */
export interface Database {
  plugins: PluginTable;
  plugin_metrics: PluginMetricsTable;
  plugin_analytics: PluginAnalyticsTable;
  plugin_hook_minutes: PluginHookMinutesTable;
  settings: { key: string; value: string; updated_at: string };
  sessions: { token_hash: string; created_at: string; expires_at: string };
  operations: OperationTable;
  plugin_grants: PluginGrantTable;
  plugin_versions: PluginVersionTable;
}

interface PluginTable {
  id: string;
  name: string;
  version: string;
  description: string | null;
  author: string | null;
  license: string;
  main: string;
  source: string;
  tags: string;
  status: string;
  enabled: number;
  manifest: string;
  config: string;
  config_schema: string;
  hooks: string;
  permissions: string;
  plugin_dir: string;
  error_message: string | null;
  installed_at: string;
  updated_at: string;
  activated_at: string | null;
}

interface PluginMetricsTable {
  plugin_name: string;
  event: string;
  calls: number;
  errors: number;
  total_duration_ms: number;
  last_called_at: string | null;
}

interface PluginAnalyticsTable {
  id: Generated<number>;
  plugin_name: string;
  hook: string;
  duration_ms: number;
  success: number;
  error_message: string | null;
  created_at: string;
}

interface PluginHookMinutesTable {
  plugin_name: string;
  hook: string;
  minute: string;
  calls: number;
  errors: number;
  timeouts: number;
  blocks: number;
  bypasses: number;
  refusals: number;
  total_duration_ms: number;
  histogram: string;
}

interface OperationTable {
  id: string;
  kind: string;
  plugin_name: string;
  from_version: string | null;
  to_version: string | null;
  phase: string;
  moves: string;
  had_data_dir: number;
  kept: string | null;
  created_at: string;
  updated_at: string;
}

interface PluginGrantTable {
  plugin_id: string;
  permissions: string;
  read_paths: string;
  write_paths: string;
  hosts: string;
  env: string;
  granted_at: string;
}

interface PluginVersionTable {
  plugin_id: string;
  version: string;
  config: string;
  permissions: string;
  reason: string;
  created_at: string;
}
