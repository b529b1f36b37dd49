import { Skeleton, Text } from '@mantine/core';
import type { PluginSummary } from '@omniroute/shared/plugin';
import type { ReactNode } from 'react';
import classes from './plugin-list.module.css';
import { PluginRow } from './plugin-row.tsx';

interface PluginListProps {
  plugins: PluginSummary[];
  figuresOf: (name: string) => ReactNode;
}

export function PluginList({ plugins, figuresOf }: PluginListProps) {
  if (plugins.length === 0) {
    return (
      <div className={classes['list']}>
        <Text className={classes['nothing']} size="sm" c="dimmed">
          No installed plugin matches.
        </Text>
      </div>
    );
  }
  return (
    <ul className={classes['list']} aria-label="Installed plugins">
      {plugins.map((plugin) => (
        <PluginRow key={plugin.id} plugin={plugin} figures={figuresOf(plugin.name)} />
      ))}
    </ul>
  );
}

export function PluginListSkeleton() {
  return (
    <div className={classes['list']} aria-busy aria-label="Loading the plugins">
      {[180, 130, 210].map((width) => (
        <div key={width} className={classes['skeleton']}>
          <Skeleton h={18} w={width} />
          <Skeleton h={14} w="70%" />
          <Skeleton h={12} w="50%" />
        </div>
      ))}
    </div>
  );
}
