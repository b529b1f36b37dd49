import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { trpc } from '../../../lib/trpc.ts';

export function useUpdateSettings() {
  const queryClient = useQueryClient();
  return useMutation(
    trpc.settings.update.mutationOptions({
      onSuccess: (settings) => {
        queryClient.setQueryData(trpc.settings.get.queryKey(), settings);
        notifications.show({
          message: 'The settings are saved.',
          color: 'teal',
        });
      },
      // A pause changes every plugin's process.
      onSettled: () =>
        Promise.all([
          queryClient.invalidateQueries(trpc.plugins.pathFilter()),
          queryClient.invalidateQueries(trpc.health.pathFilter()),
        ]),
    }),
  );
}
