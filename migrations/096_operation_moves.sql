-- The journal says which renames an operation makes, before it makes the first, so that each can be taken back.
CREATE TABLE operations_new (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('install', 'upgrade', 'rollback', 'uninstall')),
  plugin_name TEXT NOT NULL,
  from_version TEXT,
  to_version TEXT,
  phase TEXT NOT NULL CHECK (phase IN ('preparing', 'moving', 'recorded', 'committed')),
  moves TEXT NOT NULL DEFAULT '[]',
  -- Whether the plugin had a data folder before: one that was made meanwhile goes if the operation is undone.
  had_data_dir INTEGER NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);

-- What a service of an earlier version left unfinished, in the words of this one.
INSERT INTO operations_new
SELECT
  id,
  kind,
  plugin_name,
  from_version,
  to_version,
  CASE
    WHEN phase = 'staging' THEN 'preparing'
    WHEN kind = 'install' AND plugin_name IN (SELECT name FROM plugins) THEN 'committed'
    WHEN kind = 'upgrade' AND to_version = (SELECT version FROM plugins WHERE name = plugin_name) THEN 'committed'
    ELSE 'moving'
  END,
  CASE kind
    WHEN 'install' THEN '[["staging","plugin"]]'
    WHEN 'upgrade' THEN '[["previous","trash"],["plugin","previous"],["staging","plugin"]]'
    ELSE '[["plugin","trash"]]'
  END,
  1,
  created_at,
  updated_at
FROM operations;

DROP TABLE operations;
ALTER TABLE operations_new RENAME TO operations;
