import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { FailureText } from '../../../components/ui/failure-text.tsx';
import { appError } from '../../../lib/app-error.ts';
import { useRollBackPlugin } from '../api/use-roll-back-plugin.ts';

interface RollbackModalProps {
  name: string;
  version: string;
  previousVersion: string;
  opened: boolean;
  onClose: () => void;
}

export function RollbackModal({ name, version, previousVersion, opened, onClose }: RollbackModalProps) {
  const { mutate: rollBack, isPending, error, reset } = useRollBackPlugin(onClose);

  function close() {
    reset();
    onClose();
  }

  return (
    <Modal
      opened={opened}
      onClose={isPending ? () => {} : close}
      title={`Roll ${name} back to ${previousVersion}?`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="md">
        <Text size="sm">
          This puts {previousVersion} back, with the configuration and the permissions that it had, and
          removes {version}. What the plugin has stored stays as it is.
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
