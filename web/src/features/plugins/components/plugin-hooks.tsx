import { Code, Table, Text } from '@mantine/core';
import { hooksNotCalledYet, isPipelineHook } from '@omniroute/shared/hook';
import { type DeclaredHook, declaredHooks, manifestSchema } from '@omniroute/shared/manifest';
import type { PluginDetail } from '@omniroute/shared/plugin';
import { Panel } from '../../../components/ui/panel.tsx';

export function PluginHooks({ plugin }: { plugin: PluginDetail }) {
  const manifest = manifestSchema.pick({ hooks: true }).safeParse(plugin.manifest);
  const hooks = manifest.success ? declaredHooks(manifest.data) : [];
  return (
    <Panel title="Hooks">
      {hooks.length === 0 ? (
        <Text size="sm" c="dimmed">
          It declares no hook, so no request reaches it.
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={480} type="native" tabIndex={0} aria-label="Hooks">
          <Table horizontalSpacing="xs" verticalSpacing={6} fz="sm">
            <Table.Thead>
              <Table.Tr>
                <Table.Th pl={0}>Hook</Table.Th>
                <Table.Th>Priority</Table.Th>
                <Table.Th>Timeout</Table.Th>
                <Table.Th>If it fails</Table.Th>
                <Table.Th>Mode</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {hooks.map((hook) => (
                <HookRow key={hook.name} hook={hook} />
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Panel>
  );
}

function HookRow({ hook }: { hook: DeclaredHook }) {
  const inPipeline = isPipelineHook(hook.name);
  return (
    <Table.Tr>
      <Table.Td pl={0}>
        <Code>{hook.name}</Code>
        {hooksNotCalledYet.includes(hook.name) && (
          <Text size="xs" c="dimmed">
            not called by this version
          </Text>
        )}
      </Table.Td>
      <Table.Td>{inPipeline ? hook.priority : '–'}</Table.Td>
      <Table.Td>{`${hook.timeoutMs / 1_000} s`}</Table.Td>
      <Table.Td>{inPipeline ? failureWords[hook.failure] : '–'}</Table.Td>
      <Table.Td>{inPipeline ? hook.mode : '–'}</Table.Td>
    </Table.Tr>
  );
}

const failureWords = {
  open: 'the request passes',
  closed: 'the client gets 503',
};
