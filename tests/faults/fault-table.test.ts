import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { rowsOf } from './fault-table.ts';
import { pluginFaults } from './plugin-fault-list.ts';
import { serviceFaults } from './service-fault-list.ts';

const document = new URL('../../docs/operations.md', import.meta.url);

test('the operations guide has a row for every fault that is provoked, with the outcome that is expected', async () => {
  const rows = rowsOf(await readFile(document, 'utf8'));
  expect(rows).toEqual(
    [...pluginFaults, ...serviceFaults].map(({ what, expected }) => ({ what, ...expected })),
  );
});
