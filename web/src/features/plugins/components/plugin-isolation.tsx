import { Button, List, Loader, Text } from '@mantine/core';
import type { Isolation } from '@omniroute/shared/isolation';
import { IconShieldSearch } from '@tabler/icons-react';
import { FailureText } from '../../../components/ui/failure-text.tsx';
import { Panel } from '../../../components/ui/panel.tsx';
import { appError } from '../../../lib/app-error.ts';
import { useProbeIsolation } from '../api/use-probe-isolation.ts';
import { isolationWords } from './words.ts';

/** What this machine was seen to enforce, and what it does not. */
export function PluginIsolation({ isolation }: { isolation: Isolation }) {
  const { name, meaning, remains } = isolationWords[isolation.level];
  const probe = useProbeIsolation();
  return (
    <Panel
      title="Isolation"
      aside={
        <Button
          size="xs"
          variant="default"
          leftSection={
            probe.isPending ? (
              <Loader size={15} color="gray" aria-hidden />
            ) : (
              <IconShieldSearch size={15} stroke={1.75} aria-hidden />
            )
          }
          // A disabled button would lose the focus of whoever pressed it by keyboard.
          aria-disabled={probe.isPending}
          onClick={probe.isPending ? undefined : () => probe.mutate()}
        >
          Check again
        </Button>
      }
    >
      <Text size="sm" fw={600}>
        {`Level ${isolation.level} of 3: ${name}`}
      </Text>
      <Text size="sm" c="dimmed">
        {meaning} {remains}
      </Text>
      {probe.error !== null && <FailureText message={appError(probe.error).message} />}
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
