import { Button, Group, Stack, Text } from '@mantine/core';
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { FailureText } from '../../../components/ui/failure-text.tsx';
import { Panel } from '../../../components/ui/panel.tsx';
import { appError } from '../../../lib/app-error.ts';
import { useUpdateSettings } from '../api/use-update-settings.ts';

export function PausePanel({ paused }: { paused: boolean }) {
  const { mutate: update, isPending, error } = useUpdateSettings();
  return (
    <Panel title="Pause">
      <Stack gap="sm">
        <Group justify="space-between" gap="md">
          <Text size="sm" c="dimmed" flex="1 1 320px">
            {paused
              ? 'No plugin runs. Requests pass without them; where an active plugin must not be skipped, the gateway answers 503.'
              : 'Stops every plugin until you resume. Which plugins are active is kept.'}
          </Text>
          <Button
            variant={paused ? 'filled' : 'default'}
            leftSection={
              paused ? <IconPlayerPlay size={16} aria-hidden /> : <IconPlayerPause size={16} aria-hidden />
            }
            loading={isPending}
            onClick={() => update({ pluginsPaused: !paused })}
          >
            {paused ? 'Resume plugins' : 'Pause all plugins'}
          </Button>
        </Group>
        {error !== null && <FailureText message={appError(error).message} />}
      </Stack>
    </Panel>
  );
}
