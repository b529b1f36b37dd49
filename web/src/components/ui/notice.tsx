import { CloseButton } from '@mantine/core';
import { IconAlertTriangle, IconInfoCircle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import classes from './notice.module.css';

export function Notice({
  tone,
  onDismiss,
  children,
}: {
  tone: 'error' | 'warning' | 'info';
  onDismiss?: () => void;
  children: ReactNode;
}) {
  const Icon = tone === 'info' ? IconInfoCircle : IconAlertTriangle;
  return (
    <div className={classes['notice']} data-tone={tone} role={tone === 'error' ? 'alert' : 'status'}>
      <Icon size={17} stroke={1.75} aria-hidden />
      <div className={classes['words']}>{children}</div>
      {onDismiss !== undefined && (
        <CloseButton
          className={classes['dismiss']}
          size="sm"
          c="inherit"
          variant="transparent"
          aria-label="Dismiss"
          onClick={onDismiss}
        />
      )}
    </div>
  );
}
