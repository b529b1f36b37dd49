import type { Outcome } from './fault.ts';

const start = '<!-- faults:start -->';
const end = '<!-- faults:end -->';

export interface Row extends Outcome {
  what: string;
}

/** The tables as they stand in the documentation. */
export function faultTables(plugin: readonly Row[], service: readonly Row[]): string {
  return [
    '### Faults of a plugin',
    '',
    ...table('clients get, with an open and a closed `onRequest`', plugin),
    '',
    '### Faults of the service and its machine',
    '',
    ...table('answers', service),
  ].join('\n');
}

/** `text` with `tables` between its markers. */
export function withTables(text: string, tables: string): string {
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from === -1 || to < from) throw new Error(`the markers ${start} and ${end} are missing`);
  return `${text.slice(0, from + start.length)}\n${tables}\n${text.slice(to)}`;
}

/** The rows between the markers of `text`. */
export function rowsOf(text: string): Row[] {
  const between = text.slice(text.indexOf(start), text.indexOf(end));
  const cells = between
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| fault |'))
    .map((line) => line.slice(2, -2).split(' | '));
  return cells.map(([what = '', answers = '', afterwards = '', lost = '']) => ({
    what,
    answers,
    afterwards,
    lost,
  }));
}

function table(answers: string, rows: readonly Row[]): string[] {
  return [
    `| fault | ${answers} | afterwards | lost |`,
    '|---|---|---|---|',
    ...rows.map((row) => `| ${row.what} | ${row.answers} | ${row.afterwards} | ${row.lost} |`),
  ];
}
