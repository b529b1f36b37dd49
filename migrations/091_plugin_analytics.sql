CREATE TABLE plugin_analytics (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  plugin_name TEXT NOT NULL,
  hook TEXT NOT NULL,
  duration_ms REAL NOT NULL,
  success INTEGER NOT NULL DEFAULT 1,
  error_message TEXT,
  created_at TEXT NOT NULL DEFAULT (datetime('now'))
);

CREATE INDEX idx_plugin_analytics_plugin_name ON plugin_analytics (plugin_name);
CREATE INDEX idx_plugin_analytics_created_at ON plugin_analytics (created_at);
