-- The journal: a row is written before files move and deleted when the operation has settled.
CREATE TABLE operations (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('install', 'upgrade', 'uninstall')),
  plugin_name TEXT NOT NULL,
  from_version TEXT,
  to_version TEXT,
  phase TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
