import type { ReactNode } from 'react';
import classes from './banner.module.css';

export function Banner({
  color,
  icon,
  children,
}: {
  color: 'orange' | 'yellow';
  icon: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className={classes['banner']} data-color={color}>
      {icon}
      <span>{children}</span>
    </div>
  );
}
