import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { trpc } from '../../../lib/trpc.ts';
import { invalidatePlugin } from './plugin-queries.ts';

/** @param onDone the plugin is on its previous version */
export function useRollBackPlugin(onDone: () => void) {
  const queryClient = useQueryClient();
  return useMutation(
    trpc.plugins.rollback.mutationOptions({
      onSuccess: ({ message }) => {
        notifications.show({ message, color: 'teal' });
        onDone();
      },
      onSettled: (_done, _error, { name }) => invalidatePlugin(queryClient, name),
    }),
  );
}
