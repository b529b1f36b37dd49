import { ActionIcon, Button, Group, Menu } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { PluginSummary } from '@omniroute/shared/plugin';
import { IconArrowBackUp, IconDotsVertical, IconPower, IconRefresh, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import type { useControlPlugin } from '../api/use-control-plugin.ts';
import { RollbackModal } from './rollback-modal.tsx';
import { UninstallModal } from './uninstall-modal.tsx';

export function PluginActions({
  plugin,
  previousVersion,
  control,
  onUninstalled,
}: {
  plugin: PluginSummary;
  /** The version that it can be rolled back to, where that is known. */
  previousVersion?: string | undefined;
  control: ReturnType<typeof useControlPlugin>;
  onUninstalled?: () => void;
}) {
  const [uninstalling, uninstall] = useDisclosure(false);
  // Kept from when it was asked: the plugin has no previous version while it is being rolled back.
  const [rollbackTo, setRollbackTo] = useState<string | null>(null);
  const active = plugin.status === 'active';
  // Enabled without being active: it crashed or did not start. Its hooks still count, so both ways out are offered.
  const stuck = plugin.enabled && !active;

  return (
    <Group gap={6} wrap="nowrap">
      {active ? (
        <Button
          size="xs"
          w={104}
          variant="default"
          loading={control.deactivating}
          disabled={control.busy}
          onClick={control.deactivate}
          aria-label={`Deactivate ${plugin.name}`}
        >
          Deactivate
        </Button>
      ) : (
        <Button
          size="xs"
          w={104}
          variant="light"
          loading={control.activating}
          disabled={control.busy}
          onClick={control.activate}
          aria-label={`Activate ${plugin.name}`}
        >
          Activate
        </Button>
      )}
      <Menu position="bottom-end" width={200} withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <ActionIcon
            variant="subtle"
            color="gray"
            size={30}
            loading={control.restarting || (stuck && control.deactivating)}
            aria-label={`More for ${plugin.name}`}
          >
            <IconDotsVertical size={17} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {stuck && (
            <Menu.Item
              leftSection={<IconPower size={16} aria-hidden />}
              disabled={control.busy}
              onClick={control.deactivate}
            >
              Deactivate
            </Menu.Item>
          )}
          {plugin.enabled && (
            <Menu.Item
              leftSection={<IconRefresh size={16} aria-hidden />}
              disabled={control.busy}
              onClick={control.restart}
            >
              {plugin.process.state === 'restarting' ? 'Restart now' : 'Restart'}
            </Menu.Item>
          )}
          {previousVersion !== undefined && (
            <Menu.Item
              leftSection={<IconArrowBackUp size={16} aria-hidden />}
              disabled={control.busy}
              onClick={() => setRollbackTo(previousVersion)}
            >
              Roll back to {previousVersion}…
            </Menu.Item>
          )}
          <Menu.Item
            c="var(--mantine-color-error)"
            leftSection={<IconTrash size={16} aria-hidden />}
            onClick={uninstall.open}
          >
            Uninstall…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <RollbackModal plugin={plugin} to={rollbackTo} onClose={() => setRollbackTo(null)} />
      <UninstallModal
        name={plugin.name}
        opened={uninstalling}
        onClose={uninstall.close}
        {...(onUninstalled === undefined ? {} : { onUninstalled })}
      />
    </Group>
  );
}
