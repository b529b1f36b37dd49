import { Code, Table } from '@mantine/core';
import type { HookFigures } from '@omniroute/shared/analytics';
import { formatLatency, formatNumber } from '../../../lib/format.ts';
import classes from './calls-table.module.css';

export function HookFiguresTable({ hooks }: { hooks: HookFigures[] }) {
  return (
    <Table.ScrollContainer minWidth={580} type="native" tabIndex={0} aria-label="Calls in the last hour">
      <Table className={classes['table']} horizontalSpacing={6} verticalSpacing={6} fz="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Hook</Table.Th>
            <Table.Th>Calls</Table.Th>
            <Table.Th>Errors</Table.Th>
            <Table.Th>Timeouts</Table.Th>
            <Table.Th>Blocks</Table.Th>
            <Table.Th title="The request went on without the hook">Bypasses</Table.Th>
            <Table.Th title="The client got 503">Refusals</Table.Th>
            <Table.Th>p50</Table.Th>
            <Table.Th>p95</Table.Th>
            <Table.Th>p99</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {hooks.map((figures) => (
            <Table.Tr key={figures.hook}>
              <Table.Td>
                <Code>{figures.hook}</Code>
              </Table.Td>
              <Count value={figures.calls} />
              <Count value={figures.errors} tone="error" />
              <Count value={figures.timeouts} tone="error" />
              <Count value={figures.blocks} />
              <Count value={figures.bypasses} tone="warning" />
              <Count value={figures.refusals} tone="warning" />
              <Table.Td>{formatLatency(figures.p50Ms)}</Table.Td>
              <Table.Td>{formatLatency(figures.p95Ms)}</Table.Td>
              <Table.Td>{formatLatency(figures.p99Ms)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Count({ value, tone }: { value: number; tone?: 'error' | 'warning' }) {
  return <Table.Td data-tone={value === 0 ? 'none' : tone}>{formatNumber(value)}</Table.Td>;
}
