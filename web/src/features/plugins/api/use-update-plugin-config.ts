import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { trpc } from '../../../lib/trpc.ts';
import { invalidatePlugin } from './plugin-queries.ts';

export function useUpdatePluginConfig() {
  const queryClient = useQueryClient();
  return useMutation(
    trpc.plugins.updateConfig.mutationOptions({
      onSuccess: async (_saved, { name }) => {
        await invalidatePlugin(queryClient, name);
        notifications.show({
          message: `The configuration of ${name} is saved.`,
          color: 'teal',
        });
      },
    }),
  );
}
