import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { trpc } from '../../../lib/trpc.ts';
import { isolationWords } from '../components/words.ts';

/** Lets the service look again at what this machine enforces. What is said of every plugin may change. */
export function useProbeIsolation() {
  const queryClient = useQueryClient();
  return useMutation(
    trpc.isolation.probe.mutationOptions({
      onSuccess: ({ level }) =>
        notifications.show({
          message: `Checked: level ${level} of 3, ${isolationWords[level].name.toLowerCase()}.`,
          color: 'teal',
        }),
      onSettled: () => queryClient.invalidateQueries(trpc.plugins.pathFilter()),
    }),
  );
}
