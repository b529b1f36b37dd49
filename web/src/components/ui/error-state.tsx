import { Button, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconRefresh } from '@tabler/icons-react';
import { Panel } from './panel.tsx';

export function ErrorState({
  title,
  message,
  retrying,
  onRetry,
}: {
  title: string;
  message: string;
  retrying: boolean;
  onRetry: () => void;
}) {
  return (
    <Panel>
      <Stack align="center" gap="xs" py="lg" ta="center" role="alert">
        <IconAlertTriangle size={32} stroke={1.5} color="var(--mantine-color-error)" aria-hidden />
        <Text fw={600}>{title}</Text>
        <Text size="sm" c="dimmed" maw={520}>
          {message}
        </Text>
        <Button
          variant="default"
          mt="xs"
          leftSection={<IconRefresh size={16} aria-hidden />}
          loading={retrying}
          onClick={onRetry}
        >
          Try again
        </Button>
      </Stack>
    </Panel>
  );
}
