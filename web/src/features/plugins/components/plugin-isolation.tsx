import { List, Text } from '@mantine/core';
import type { Isolation } from '@omniroute/shared/isolation';
import { Panel } from '../../../components/ui/panel.tsx';
import { isolationWords } from './words.ts';

/** What this machine really enforces, and what it does not. */
export function PluginIsolation({ isolation }: { isolation: Isolation }) {
  const { name, meaning } = isolationWords[isolation.level];
  return (
    <Panel title="Isolation">
      <Text size="sm" fw={600}>
        {name}
      </Text>
      <Text size="sm" c="dimmed">
        {meaning}
      </Text>
      {isolation.gaps.length > 0 && (
        <>
          <Text size="sm" fw={600} mt="sm">
            Not enforced here
          </Text>
          <List size="sm" spacing={4} mt={4}>
            {isolation.gaps.map((gap) => (
              <List.Item key={gap}>{gap}</List.Item>
            ))}
          </List>
        </>
      )}
    </Panel>
  );
}
