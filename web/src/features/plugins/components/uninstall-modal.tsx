import { Button, Group, List, Modal, Stack, Text } from '@mantine/core';
import { FailureText } from '../../../components/ui/failure-text.tsx';
import { appError } from '../../../lib/app-error.ts';
import { useUninstallPlugin } from '../api/use-uninstall-plugin.ts';

export function UninstallModal({
  name,
  opened,
  onClose,
  onUninstalled,
}: {
  name: string;
  opened: boolean;
  onClose: () => void;
  onUninstalled?: () => void;
}) {
  const { mutate: uninstall, isPending, error, reset } = useUninstallPlugin(leave);

  /** The button that opened this goes away with the plugin: the focus goes to the content. */
  function leave() {
    onUninstalled?.();
    document.getElementById('main')?.focus();
  }

  function close() {
    reset();
    onClose();
  }

  return (
    <Modal
      opened={opened}
      onClose={isPending ? () => {} : close}
      title={`Uninstall ${name}?`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="md">
        <div>
          <Text size="sm">This stops the plugin and removes, for good:</Text>
          <List size="sm" mt={6} spacing={2}>
            <List.Item>its folder in the service’s plugins folder</List.Item>
            <List.Item>its configuration, secrets included</List.Item>
            <List.Item>the data that it has stored</List.Item>
            <List.Item>its log</List.Item>
          </List>
        </div>
        {error !== null && <FailureText message={appError(error).message} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={close} disabled={isPending} data-autofocus>
            Cancel
          </Button>
          <Button color="red.9" loading={isPending} onClick={() => uninstall({ name })}>
            Uninstall
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
