CREATE INDEX idx_plugin_analytics_failures ON plugin_analytics (plugin_name) WHERE success = 0;

-- No count outlives its plugin, however the row goes: uninstalled, not installed after all, or settled at a start.
CREATE TRIGGER plugins_take_their_counts AFTER DELETE ON plugins
BEGIN
  DELETE FROM plugin_metrics WHERE plugin_name = OLD.name;
  DELETE FROM plugin_analytics WHERE plugin_name = OLD.name;
  DELETE FROM plugin_hook_minutes WHERE plugin_name = OLD.name;
END;
