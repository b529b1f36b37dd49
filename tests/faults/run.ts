/**
 * Provokes every fault for real, and writes what came of it to docs/operations.md: `npx -y pnpm@12 faults`. With words
 * behind it, only those faults that hold them, and nothing is written. Fails where an outcome is not what is expected.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Fault } from './fault.ts';
import { faultTables, type Row, withTables } from './fault-table.ts';
import { pluginFaults } from './plugin-fault-list.ts';
import { serviceFaults } from './service-fault-list.ts';

const document = fileURLToPath(new URL('../../docs/operations.md', import.meta.url));
const words = process.argv.slice(2).join(' ');
let surprises = 0;

const plugin = await provokeAll(pluginFaults);
const service = await provokeAll(serviceFaults);
if (surprises === 0 && words === '') {
  await writeFile(document, withTables(await readFile(document, 'utf8'), faultTables(plugin, service)));
}
process.exitCode = surprises === 0 ? 0 : 1;

async function provokeAll(faults: readonly Fault[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { what, expected, provoke } of faults.filter((fault) => fault.what.includes(words))) {
    const outcome = await provoke();
    const isExpected = (['answers', 'afterwards', 'lost'] as const).every(
      (key) => outcome[key] === expected[key],
    );
    if (!isExpected) surprises += 1;
    console.log(isExpected ? `as expected: ${what}` : `NOT AS EXPECTED: ${what}`, outcome);
    if (!isExpected) console.log('expected', expected);
    rows.push({ what, ...outcome });
  }
  return rows;
}
