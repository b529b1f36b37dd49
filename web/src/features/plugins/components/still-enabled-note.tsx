import { Text } from '@mantine/core';
import type { PluginSummary } from '@omniroute/shared/plugin';

/** A plugin that is enabled but not running still answers for its hooks; the operator has to know. */
export function StillEnabledNote({ plugin }: { plugin: PluginSummary }) {
  if (!plugin.enabled || plugin.status !== 'error') return null;
  return (
    <Text size="xs" c="dimmed">
      It is still enabled: until you activate or deactivate it, requests follow the failure policy of its
      hooks.
    </Text>
  );
}
