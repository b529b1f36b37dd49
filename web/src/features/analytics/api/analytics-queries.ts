import { queryOptions } from '@tanstack/react-query';
import { trpc } from '../../../lib/trpc.ts';

/** Without new calls no event comes, and the last hour moves on all the same. */
const refetchInterval = 60_000;
const shownFailures = 10;

export const overviewQuery = () =>
  queryOptions(trpc.analytics.overview.queryOptions(undefined, { refetchInterval }));

export const pluginMetricsQuery = (name: string) =>
  queryOptions(trpc.analytics.metrics.queryOptions({ name }, { refetchInterval }));

/** The newest of the last 24 hours. */
export const pluginFailuresQuery = (name: string) =>
  queryOptions(
    trpc.analytics.get.queryOptions(
      { name, success: false, limit: shownFailures, minutes: false },
      { refetchInterval },
    ),
  );
