import { Group, Title } from '@mantine/core';
import { type ReactNode, useId } from 'react';
import classes from './panel.module.css';

export function Panel({
  title,
  aside,
  children,
}: {
  title?: string;
  aside?: ReactNode;
  children: ReactNode;
}) {
  const titleId = useId();
  return (
    <section className={classes['panel']} aria-labelledby={title === undefined ? undefined : titleId}>
      {title !== undefined && (
        <Group className={classes['head']} justify="space-between" gap="sm" wrap="nowrap">
          <Title order={2} id={titleId}>
            {title}
          </Title>
          {aside}
        </Group>
      )}
      {children}
    </section>
  );
}
