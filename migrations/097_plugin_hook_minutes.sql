-- The calls of one hook in one minute. `histogram` is JSON: the calls that ran to an end, by bucket of duration.
CREATE TABLE plugin_hook_minutes (
  plugin_name TEXT NOT NULL,
  hook TEXT NOT NULL,
  minute TEXT NOT NULL,
  calls INTEGER NOT NULL DEFAULT 0,
  errors INTEGER NOT NULL DEFAULT 0,
  timeouts INTEGER NOT NULL DEFAULT 0,
  blocks INTEGER NOT NULL DEFAULT 0,
  bypasses INTEGER NOT NULL DEFAULT 0,
  refusals INTEGER NOT NULL DEFAULT 0,
  total_duration_ms REAL NOT NULL DEFAULT 0,
  histogram TEXT NOT NULL DEFAULT '{}',
  PRIMARY KEY (plugin_name, hook, minute)
);

CREATE INDEX idx_plugin_hook_minutes_minute ON plugin_hook_minutes (minute, plugin_name, hook);
