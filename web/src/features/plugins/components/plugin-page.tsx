import { Anchor, Box, Group, Skeleton, Stack, Text, Title } from '@mantine/core';
import type { PluginDetail } from '@omniroute/shared/plugin';
import { IconArrowLeft } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { ErrorState } from '../../../components/ui/error-state.tsx';
import { FailureText } from '../../../components/ui/failure-text.tsx';
import { Panel } from '../../../components/ui/panel.tsx';
import { appError } from '../../../lib/app-error.ts';
import { pluginQuery } from '../api/plugin-queries.ts';
import { useControlPlugin } from '../api/use-control-plugin.ts';
import { PluginActions } from './plugin-actions.tsx';
import { PluginConfigPanel } from './plugin-config-panel.tsx';
import { PluginDoctor } from './plugin-doctor.tsx';
import { PluginFaults } from './plugin-faults.tsx';
import { PluginFacts } from './plugin-facts.tsx';
import { PluginHooks } from './plugin-hooks.tsx';
import { PluginIsolation } from './plugin-isolation.tsx';
import { PluginLog } from './plugin-log.tsx';
import classes from './plugin-page.module.css';
import { PluginNetwork } from './plugin-network.tsx';
import { PluginPermissions } from './plugin-permissions.tsx';
import { PluginStatus } from './plugin-status.tsx';
import { RolledBackNote } from './rolled-back-note.tsx';
import { StillEnabledNote } from './still-enabled-note.tsx';

interface PluginPageProps {
  name: string;
  /** What was counted of its calls. */
  calls: ReactNode;
  onUninstalled: () => void;
}

export function PluginPage(props: PluginPageProps) {
  const { name } = props;
  return (
    <>
      <title>{`${name} · OmniRoute Plugins`}</title>
      <Anchor
        size="sm"
        c="dimmed"
        className={classes['back']}
        renderRoot={(props) => <Link to="/" {...props} />}
      >
        <IconArrowLeft size={15} aria-hidden /> Installed plugins
      </Anchor>
      <PluginContent {...props} />
    </>
  );
}

function PluginContent({ name, ...rest }: PluginPageProps) {
  const { data, error, isFetching, refetch } = useQuery(pluginQuery(name));
  const failure = error === null ? null : appError(error);
  if (failure?.code === 'PLUGIN_NOT_FOUND') return <NotInstalled name={name} />;
  if (data !== undefined) return <PluginSections plugin={data.plugin} {...rest} />;
  if (failure !== null) {
    return (
      <ErrorState
        title={`${name} could not be read`}
        message={failure.message}
        retrying={isFetching}
        onRetry={() => void refetch()}
      />
    );
  }
  return <PluginPageSkeleton />;
}

interface PluginSectionsProps extends Omit<PluginPageProps, 'name'> {
  plugin: PluginDetail;
}

function PluginSections({ plugin, calls, onUninstalled }: PluginSectionsProps) {
  const control = useControlPlugin(plugin);
  return (
    <>
      <Group justify="space-between" align="flex-start" gap="md" mb="lg">
        <Stack gap={4} flex="1 1 320px">
          <Group gap="sm">
            <Title order={1} className={classes['name']}>
              {plugin.name}
            </Title>
            <Text span size="sm" c="dimmed" ff="monospace">
              {plugin.version}
            </Text>
            <PluginStatus plugin={plugin} />
          </Group>
          {plugin.description !== null && (
            <Text size="sm" c="dimmed" maw={720}>
              {plugin.description}
            </Text>
          )}
        </Stack>
        <PluginActions
          plugin={plugin}
          previousVersion={plugin.previousVersion}
          control={control}
          onUninstalled={onUninstalled}
        />
      </Group>
      {plugin.rolledBack !== undefined && (
        <Box mb="lg">
          <RolledBackNote plugin={plugin} />
        </Box>
      )}
      {control.failures.length > 0 && (
        <Stack gap={6} mb="lg">
          {control.failures.map((failure) => (
            <FailureText key={failure} message={failure} />
          ))}
          <StillEnabledNote plugin={plugin} />
        </Stack>
      )}
      <div className={classes['columns']}>
        <div className={classes['main']}>
          <PluginConfigPanel name={plugin.name} />
          <PluginHooks plugin={plugin} />
          {calls}
          <PluginDoctor key={plugin.name} plugin={plugin} />
          <PluginLog name={plugin.name} />
        </div>
        <div className={classes['side']}>
          <PluginFacts plugin={plugin} />
          <PluginFaults faults={plugin.process.faults} />
          <PluginIsolation isolation={plugin.isolation} />
          <PluginPermissions permissions={plugin.permissions} />
          <PluginNetwork plugin={plugin} />
        </div>
      </div>
    </>
  );
}

function NotInstalled({ name }: { name: string }) {
  return (
    <Panel>
      <Stack gap={4} py="lg" align="center" ta="center">
        <Title order={1}>{name} is not installed</Title>
        <Text size="sm" c="dimmed">
          It may have been uninstalled in the meantime.
        </Text>
      </Stack>
    </Panel>
  );
}

function PluginPageSkeleton() {
  return (
    <div aria-busy aria-label="Loading the plugin">
      <Skeleton h={32} w={260} mb={8} />
      <Skeleton h={16} w="50%" mb="lg" />
      <div className={classes['columns']}>
        <div className={classes['main']}>
          <Skeleton h={280} radius="lg" />
          <Skeleton h={320} radius="lg" />
        </div>
        <div className={classes['side']}>
          <Skeleton h={330} radius="lg" />
          <Skeleton h={140} radius="lg" />
        </div>
      </div>
    </div>
  );
}
