import { Text } from '@mantine/core';
import type { FaultCount } from '@omniroute/shared/plugin';
import { Panel } from '../../../components/ui/panel.tsx';
import { formatCount, formatDateTime } from '../../../lib/format.ts';
import classes from './plugin-faults.module.css';
import { faultWords } from './words.ts';

/** The limits that the plugin's processes reached since the service started, and how they broke the rules. */
export function PluginFaults({ faults }: { faults: FaultCount[] }) {
  if (faults.length === 0) return null;
  return (
    <Panel title="Limits reached">
      <ul className={classes['faults']}>
        {faults.map(({ fault, count, lastAt, message }) => (
          <li key={fault}>
            <Text size="sm" fw={600}>
              {faultWords[fault]}
            </Text>
            <Text size="sm" c="dimmed">
              {formatCount(count, 'time')}, last {formatDateTime(lastAt)}: {message}
            </Text>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
