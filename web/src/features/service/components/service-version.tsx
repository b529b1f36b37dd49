import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { formatDuration } from '../../../lib/format.ts';
import { healthQuery } from '../api/health-query.ts';

export function ServiceVersion() {
  const { data: health } = useQuery(healthQuery());
  return (
    <Text size="xs" c="dimmed" mih="1.2rem">
      {health && `Service ${health.version}, up ${formatDuration(health.uptimeMs)}`}
    </Text>
  );
}
