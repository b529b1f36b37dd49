import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { trpc } from '../../../lib/trpc.ts';
import { invalidatePluginList } from './plugin-queries.ts';

/** `onUninstalled` is called even when the page has already dropped the plugin. */
export function useUninstallPlugin(onUninstalled: () => void) {
  const queryClient = useQueryClient();
  return useMutation(
    trpc.plugins.uninstall.mutationOptions({
      onSuccess: ({ message }) => {
        notifications.show({ message, color: 'teal' });
        onUninstalled();
      },
      onSettled: () => invalidatePluginList(queryClient),
    }),
  );
}
