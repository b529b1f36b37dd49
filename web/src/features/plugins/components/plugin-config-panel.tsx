import { Skeleton, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { FailureText } from '../../../components/ui/failure-text.tsx';
import { Panel } from '../../../components/ui/panel.tsx';
import { appError } from '../../../lib/app-error.ts';
import { pluginConfigQuery } from '../api/plugin-queries.ts';
import { PluginConfigForm } from './plugin-config-form.tsx';

export function PluginConfigPanel({ name }: { name: string }) {
  const { data, error } = useQuery(pluginConfigQuery(name));
  return (
    <Panel title="Configuration">
      {data === undefined ? (
        error === null ? (
          <Skeleton h={200} />
        ) : (
          <FailureText message={appError(error).message} />
        )
      ) : Object.keys(data.configSchema).length === 0 ? (
        <Text size="sm" c="dimmed">
          It has nothing to configure.
        </Text>
      ) : (
        // Another schema is another form.
        <PluginConfigForm key={JSON.stringify(data.configSchema)} name={name} current={data} />
      )}
    </Panel>
  );
}
