import { queryOptions } from '@tanstack/react-query';
import { trpc } from '../../../lib/trpc.ts';

export const healthQuery = () =>
  queryOptions(trpc.health.queryOptions(undefined, { refetchInterval: 30_000 }));
