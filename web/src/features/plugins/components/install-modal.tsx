import { Button, Checkbox, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { notifications } from '@mantine/notifications';
import { type InstallInput, type InstallOutput, installInputSchema } from '@omniroute/shared/plugin';
import { FailureText } from '../../../components/ui/failure-text.tsx';
import { Notice } from '../../../components/ui/notice.tsx';
import { appError } from '../../../lib/app-error.ts';
import { useInstallPlugin } from '../api/use-install-plugin.ts';
import { consentAsked } from './consent-asked.ts';
import { permissionWords } from './words.ts';

export function InstallModal({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      size="lg"
      title="Install from path"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <InstallForm onClose={onClose} />
    </Modal>
  );
}

function InstallForm({ onClose }: { onClose: () => void }) {
  const { mutate: install, data: installed, isPending, error } = useInstallPlugin();
  const form = useForm({
    initialValues: { path: '', keepConfig: true },
    validate: { path: pathProblem },
  });

  function submit(agreed: Partial<InstallInput> = {}) {
    if (form.validate().hasErrors) return;
    const { path, keepConfig } = form.getValues();
    install({ path: path.trim(), keepConfig, ...agreed }, { onSuccess: closeIfPlain });
  }

  function closeIfPlain({ plugin, warning }: InstallOutput) {
    if (warning !== undefined) return;
    notifications.show({
      message: `${plugin.name} ${plugin.version} is installed.`,
      color: 'teal',
    });
    onClose();
  }

  if (installed?.warning !== undefined) {
    return <InstalledWithWarning installed={installed} warning={installed.warning} onClose={onClose} />;
  }
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Stack gap="md">
        <TextInput
          label="Folder on this machine"
          description="The absolute path of the folder that holds plugin.json. The folder is copied; the permissions in plugin.json are granted."
          placeholder="/home/me/hello"
          autoComplete="off"
          spellCheck={false}
          data-autofocus
          {...form.getInputProps('path')}
        />
        <Checkbox
          label="Keep the configuration if this upgrades an installed plugin"
          {...form.getInputProps('keepConfig', { type: 'checkbox' })}
        />
        {error !== null && !isPending && <InstallFailure error={error} onAgree={submit} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={isPending}>
            Install
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** Some refusals are questions: the operator may agree and install all the same. */
function InstallFailure({
  error,
  onAgree,
}: {
  error: unknown;
  onAgree: (agreed: Partial<InstallInput>) => void;
}) {
  const { message, code, details } = appError(error);
  const asked = code === 'CONSENT_REQUIRED' ? consentAsked(details) : [];
  return (
    <FailureText message={message}>
      {code === 'VERSION_NOT_NEWER' && (
        <Button mt="xs" size="xs" variant="default" onClick={() => onAgree({ replace: true })}>
          Replace the installed version
        </Button>
      )}
      {asked.length > 0 && (
        <Button mt="xs" size="xs" variant="default" onClick={() => onAgree({ permissions: asked })}>
          Grant {asked.map((permission) => permissionWords[permission].name.toLowerCase()).join(', ')} and
          install
        </Button>
      )}
    </FailureText>
  );
}

function InstalledWithWarning({
  installed: { plugin },
  warning,
  onClose,
}: {
  installed: InstallOutput;
  warning: string;
  onClose: () => void;
}) {
  return (
    <Stack gap="md">
      <Text size="sm">
        <b>
          {plugin.name} {plugin.version}
        </b>{' '}
        is installed, with a warning:
      </Text>
      <Notice tone="warning">{warning}</Notice>
      <Group justify="flex-end">
        <Button onClick={onClose} data-autofocus>
          Close
        </Button>
      </Group>
    </Stack>
  );
}

function pathProblem(path: string): string | null {
  const problem = installInputSchema.shape.path.safeParse(path.trim()).error?.issues[0]?.message;
  return problem === undefined ? null : `The path ${problem}`;
}
