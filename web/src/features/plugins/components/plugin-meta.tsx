import { Tooltip } from '@mantine/core';
import type { PluginSummary } from '@omniroute/shared/plugin';
import { IconArrowsSplit2, IconKey, IconShield } from '@tabler/icons-react';
import classes from './plugin-meta.module.css';
import { isolationWords, permissionWords } from './words.ts';

/** Hooks, permissions and isolation in one line. */
export function PluginMeta({ plugin }: { plugin: PluginSummary }) {
  const isolation = isolationWords[plugin.isolation.level];
  const permissions = plugin.permissions.map((permission) => permissionWords[permission].name);
  return (
    <ul className={classes['meta']}>
      <li>
        <IconArrowsSplit2 size={15} stroke={1.75} aria-hidden />
        <span>
          <span className={classes['label']}>Hooks: </span>
          {plugin.hooks.length === 0 ? 'No hooks' : plugin.hooks.join(', ')}
        </span>
      </li>
      <li>
        <IconKey size={15} stroke={1.75} aria-hidden />
        <span>
          <span className={classes['label']}>Permissions: </span>
          {permissions.length === 0 ? 'No permissions' : permissions.join(', ')}
        </span>
      </li>
      <li>
        <IconShield size={15} stroke={1.75} aria-hidden />
        <Tooltip label={isolation.meaning}>
          <span>
            <span className={classes['label']}>Isolation: </span>
            {isolation.name}
          </span>
        </Tooltip>
      </li>
    </ul>
  );
}
