import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import type { PluginSummary } from '@omniroute/shared/plugin';
import { FailureText } from '../../../components/ui/failure-text.tsx';
import { appError } from '../../../lib/app-error.ts';
import { useRollBackPlugin } from '../api/use-roll-back-plugin.ts';

interface RollbackModalProps {
  plugin: PluginSummary;
  /** The version to go back to; null while nobody asks for it. */
  to: string | null;
  onClose: () => void;
}

export function RollbackModal({ plugin: { name }, to, onClose }: RollbackModalProps) {
  const { mutate: rollBack, isPending, error, reset } = useRollBackPlugin(leave);

  /** The menu item that opened this goes away with the version: the focus goes to the content. */
  function leave() {
    onClose();
    document.getElementById('main')?.focus();
  }

  function close() {
    reset();
    onClose();
  }

  return (
    <Modal
      opened={to !== null}
      onClose={isPending ? () => {} : close}
      title={`Roll ${name} back to ${to}?`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="md">
        <Text size="sm">
          This puts {to} back, with the configuration and the permissions that it had, and removes the version
          that is installed now. What the plugin has stored stays as it is.
        </Text>
        {error !== null && <FailureText message={appError(error).message} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={close} disabled={isPending} data-autofocus>
            Cancel
          </Button>
          <Button loading={isPending} onClick={() => rollBack({ name })}>
            Roll back
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
