import { Anchor, Text } from '@mantine/core';
import type { PluginSummary } from '@omniroute/shared/plugin';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { FailureText } from '../../../components/ui/failure-text.tsx';
import { useControlPlugin } from '../api/use-control-plugin.ts';
import { PluginActions } from './plugin-actions.tsx';
import { PluginMeta } from './plugin-meta.tsx';
import classes from './plugin-row.module.css';
import { PluginStatus } from './plugin-status.tsx';
import { RolledBackNote } from './rolled-back-note.tsx';
import { StillEnabledNote } from './still-enabled-note.tsx';

export function PluginRow({ plugin, figures }: { plugin: PluginSummary; figures: ReactNode }) {
  const control = useControlPlugin(plugin);
  return (
    <li className={classes['row']} aria-label={plugin.name}>
      <div className={classes['body']}>
        <div className={classes['title']}>
          <Anchor
            fw={600}
            c="var(--mantine-color-text)"
            renderRoot={(props) => <Link to="/plugins/$name" params={{ name: plugin.name }} {...props} />}
          >
            {plugin.name}
          </Anchor>
          <Text span size="xs" c="dimmed" ff="monospace">
            {plugin.version}
          </Text>
          <PluginStatus plugin={plugin} />
        </div>
        {plugin.description !== null && plugin.description !== '' && (
          <Text size="sm" c="dimmed" lineClamp={2}>
            {plugin.description}
          </Text>
        )}
        <PluginMeta plugin={plugin} />
      </div>
      <div className={classes['figures']}>{figures}</div>
      <div className={classes['actions']}>
        <PluginActions plugin={plugin} control={control} />
      </div>
      {plugin.rolledBack !== undefined && (
        <div className={classes['failures']}>
          <RolledBackNote plugin={plugin} />
        </div>
      )}
      {control.failures.length > 0 && (
        <div className={classes['failures']}>
          {control.failures.map((failure) => (
            <FailureText key={failure} message={failure} />
          ))}
          <StillEnabledNote plugin={plugin} />
        </div>
      )}
    </li>
  );
}
