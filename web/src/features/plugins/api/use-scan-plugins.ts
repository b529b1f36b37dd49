import { useMutation, useQueryClient } from '@tanstack/react-query';
import { trpc } from '../../../lib/trpc.ts';
import { invalidatePluginList } from './plugin-queries.ts';

export function useScanPlugins() {
  const queryClient = useQueryClient();
  return useMutation(
    trpc.plugins.scan.mutationOptions({
      onSettled: () => invalidatePluginList(queryClient),
    }),
  );
}
