import { Text } from '@mantine/core';
import type { Permission } from '@omniroute/shared/permission';
import { FactList } from '../../../components/ui/fact-list.tsx';
import { Panel } from '../../../components/ui/panel.tsx';
import { permissionWords } from './words.ts';

export function PluginPermissions({ permissions }: { permissions: Permission[] }) {
  return (
    <Panel title="Permissions">
      {permissions.length === 0 ? (
        <Text size="sm" c="dimmed">
          None: it reads its own folder, and answers its hooks.
        </Text>
      ) : (
        <FactList
          facts={permissions.map((permission) => [
            permissionWords[permission].name,
            permissionWords[permission].meaning,
          ])}
        />
      )}
    </Panel>
  );
}
