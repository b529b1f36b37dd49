import { Code, Table } from '@mantine/core';
import type { EventTotals } from '@omniroute/shared/analytics';
import { formatDateTime, formatLatency, formatNumber } from '../../../lib/format.ts';
import classes from './calls-table.module.css';

export function HookTotalsTable({ totals }: { totals: EventTotals[] }) {
  return (
    <Table.ScrollContainer
      minWidth={440}
      type="native"
      tabIndex={0}
      aria-label="Calls since it was installed"
    >
      <Table className={classes['table']} horizontalSpacing={6} verticalSpacing={6} fz="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Hook</Table.Th>
            <Table.Th>Calls</Table.Th>
            <Table.Th>Errors</Table.Th>
            <Table.Th>Average</Table.Th>
            <Table.Th>Last call</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {totals.map(({ event, calls, errors, averageMs, lastCalledAt }) => (
            <Table.Tr key={event}>
              <Table.Td>
                <Code>{event}</Code>
              </Table.Td>
              <Table.Td>{formatNumber(calls)}</Table.Td>
              <Table.Td data-tone={errors === 0 ? 'none' : 'error'}>{formatNumber(errors)}</Table.Td>
              <Table.Td>{formatLatency(averageMs)}</Table.Td>
              <Table.Td>{lastCalledAt === null ? '–' : formatDateTime(lastCalledAt)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
