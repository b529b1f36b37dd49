import { Skeleton, Text, Title } from '@mantine/core';
import type { RecordedCall } from '@omniroute/shared/analytics';
import { useQuery } from '@tanstack/react-query';
import { FailureText } from '../../../components/ui/failure-text.tsx';
import { appError } from '../../../lib/app-error.ts';
import { formatClock, formatDateTime } from '../../../lib/format.ts';
import { pluginFailuresQuery } from '../api/analytics-queries.ts';
import classes from './newest-failures.module.css';

export function NewestFailures({ name }: { name: string }) {
  const { data, error } = useQuery(pluginFailuresQuery(name));
  return (
    <section>
      <Title order={3} size="sm" mb={6}>
        Newest failures of the last 24 hours
      </Title>
      {data !== undefined ? (
        <Failures calls={data.calls} />
      ) : error !== null ? (
        <FailureText message={appError(error).message} />
      ) : (
        <Skeleton h={24} radius="md" />
      )}
    </section>
  );
}

function Failures({ calls }: { calls: RecordedCall[] }) {
  if (calls.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        None.
      </Text>
    );
  }
  return (
    <ul className={classes['failures']} aria-label="Newest failures">
      {calls.map(({ at, hook, error }, index) => (
        <li key={`${at}-${index}`}>
          <time dateTime={at} title={formatDateTime(at)}>
            {formatClock(at)}
          </time>
          <span className={classes['hook']}>{hook}</span>
          <span className={classes['message']}>{error}</span>
        </li>
      ))}
    </ul>
  );
}
