-- What the operator agreed to, per plugin: the manifest's `requires` may not ask for more.
CREATE TABLE plugin_grants (
  plugin_id TEXT PRIMARY KEY REFERENCES plugins (id) ON DELETE CASCADE,
  permissions TEXT NOT NULL DEFAULT '[]',
  read_paths TEXT NOT NULL DEFAULT '[]',
  write_paths TEXT NOT NULL DEFAULT '[]',
  hosts TEXT NOT NULL DEFAULT '[]',
  env TEXT NOT NULL DEFAULT '[]',
  granted_at TEXT NOT NULL
);
