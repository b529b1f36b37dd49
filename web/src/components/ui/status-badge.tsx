import type { PluginStatus } from '@omniroute/shared/plugin';
import type { ReactNode } from 'react';
import classes from './status-badge.module.css';

const labels: Record<PluginStatus, string> = {
  active: 'Active',
  inactive: 'Inactive',
  installed: 'Not activated',
  error: 'Error',
};

/** The status in words, with a colour beside them; `warning` where the note says that not all is well. */
export function StatusBadge({
  status,
  note,
  warning = false,
}: {
  status: PluginStatus;
  note?: ReactNode;
  warning?: boolean;
}) {
  return (
    <span className={classes['badge']} data-status={status} data-warning={warning || undefined}>
      <span>
        {labels[status]}
        {note !== undefined && <>, {note}</>}
      </span>
    </span>
  );
}
