-- The versions that a plugin had before, newest last, each with the config and the grant that it had.
CREATE TABLE plugin_versions (
  plugin_id TEXT NOT NULL REFERENCES plugins (id) ON DELETE CASCADE,
  version TEXT NOT NULL,
  config TEXT NOT NULL,
  permissions TEXT NOT NULL,
  -- 'upgrade' where a newer one replaced it, else why it was left for the one before.
  reason TEXT NOT NULL,
  created_at TEXT NOT NULL
);

CREATE INDEX idx_plugin_versions_plugin_id ON plugin_versions (plugin_id);
