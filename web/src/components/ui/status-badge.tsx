import type { PluginStatus } from '@omniroute/shared/plugin';
import classes from './status-badge.module.css';

const labels: Record<PluginStatus, string> = {
  active: 'Active',
  inactive: 'Inactive',
  installed: 'Not activated',
  error: 'Error',
};

/** The status in words, with a colour beside them. */
export function StatusBadge({ status, note }: { status: PluginStatus; note?: string | undefined }) {
  return (
    <span className={classes['badge']} data-status={status}>
      {note === undefined ? labels[status] : `${labels[status]}, ${note}`}
    </span>
  );
}
