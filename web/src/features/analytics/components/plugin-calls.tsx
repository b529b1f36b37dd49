import { Skeleton, Stack, Text, Title } from '@mantine/core';
import type { MetricsOutput } from '@omniroute/shared/analytics';
import { useQuery } from '@tanstack/react-query';
import { FailureText } from '../../../components/ui/failure-text.tsx';
import { Panel } from '../../../components/ui/panel.tsx';
import { appError } from '../../../lib/app-error.ts';
import { pluginMetricsQuery } from '../api/analytics-queries.ts';
import { HookFiguresTable } from './hook-figures-table.tsx';
import { HookTotalsTable } from './hook-totals-table.tsx';
import { NewestFailures } from './newest-failures.tsx';

export function PluginCalls({ name }: { name: string }) {
  const { data, error } = useQuery(pluginMetricsQuery(name));
  return (
    <Panel title="Calls">
      {data !== undefined ? (
        <Calls name={name} metrics={data} />
      ) : error !== null ? (
        <FailureText message={appError(error).message} />
      ) : (
        <Skeleton h={160} radius="md" />
      )}
    </Panel>
  );
}

function Calls({ name, metrics }: { name: string; metrics: MetricsOutput }) {
  if (metrics.metrics.length === 0 && metrics.hooks.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        None of its hooks has been called yet.
      </Text>
    );
  }
  return (
    <Stack gap="lg">
      <section>
        <Title order={3} size="sm" mb={6}>
          Last hour
        </Title>
        {metrics.hooks.length === 0 ? (
          <Text size="sm" c="dimmed">
            No calls.
          </Text>
        ) : (
          <HookFiguresTable hooks={metrics.hooks} />
        )}
      </section>
      <section>
        <Title order={3} size="sm" mb={6}>
          Since it was installed
        </Title>
        <HookTotalsTable totals={metrics.metrics} />
      </section>
      <NewestFailures name={name} />
    </Stack>
  );
}
