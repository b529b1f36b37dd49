import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { trpc } from '../../../lib/trpc.ts';
import { invalidatePlugin } from './plugin-queries.ts';

export function useActivatePlugin() {
  const queryClient = useQueryClient();
  return useMutation(
    trpc.plugins.activate.mutationOptions({
      onSuccess: ({ message }) => notifications.show({ message, color: 'teal' }),
      onSettled: (_done, _error, { name }) => invalidatePlugin(queryClient, name),
    }),
  );
}
