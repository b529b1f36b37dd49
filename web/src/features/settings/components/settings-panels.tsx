import { Skeleton, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { ErrorState } from '../../../components/ui/error-state.tsx';
import { appError } from '../../../lib/app-error.ts';
import { settingsQuery } from '../api/settings-query.ts';
import { PausePanel } from './pause-panel.tsx';
import { SettingsForm } from './settings-form.tsx';

export function SettingsPanels() {
  const { data: settings, error, isFetching, refetch } = useQuery(settingsQuery());
  if (settings !== undefined) {
    return (
      <Stack gap="lg" maw={720}>
        <PausePanel paused={settings.pluginsPaused} />
        <SettingsForm settings={settings} />
      </Stack>
    );
  }
  if (error !== null) {
    return (
      <ErrorState
        title="The settings could not be read"
        message={appError(error).message}
        retrying={isFetching}
        onRetry={() => void refetch()}
      />
    );
  }
  return (
    <Stack gap="lg" maw={720} aria-busy aria-label="Loading the settings">
      <Skeleton h={104} radius="lg" />
      <Skeleton h={440} radius="lg" />
    </Stack>
  );
}
