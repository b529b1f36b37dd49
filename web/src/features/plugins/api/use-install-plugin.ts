import { useMutation, useQueryClient } from '@tanstack/react-query';
import { trpc } from '../../../lib/trpc.ts';
import { invalidatePlugin, invalidatePluginList } from './plugin-queries.ts';

export function useInstallPlugin() {
  const queryClient = useQueryClient();
  return useMutation(
    trpc.plugins.install.mutationOptions({
      onSettled: (installed) =>
        installed === undefined
          ? invalidatePluginList(queryClient)
          : invalidatePlugin(queryClient, installed.plugin.name),
    }),
  );
}
