-- The journal says which renames an operation makes, before it makes the first, so that each can be taken back.
-- What a service of an earlier version left unfinished does not say enough: its files stay as they are, and the plugin says so.
UPDATE plugins
SET
  status = 'error',
  error_message = 'An operation of an earlier version of the service was cut short. Activate the plugin to run what is in its folder, or install it again.'
WHERE name IN (SELECT plugin_name FROM operations);

DROP TABLE operations;

CREATE TABLE operations (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('install', 'upgrade', 'rollback', 'uninstall')),
  plugin_name TEXT NOT NULL,
  from_version TEXT,
  to_version TEXT,
  phase TEXT NOT NULL CHECK (phase IN ('preparing', 'moving', 'recorded', 'committed')),
  moves TEXT NOT NULL DEFAULT '[]',
  -- Whether the plugin had a data folder before: one that was made meanwhile goes if the operation is undone.
  had_data_dir INTEGER NOT NULL DEFAULT 1,
  -- The plugin's row and grant as they were before the operation changed them.
  kept TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
