import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startService } from './helpers/service.ts';
import { temporaryFolder } from './helpers/temporary-folder.ts';

const run = promisify(execFile);
const endOfStep = '--- end of step ---';

interface Step {
  commands: string;
  /** What the README says that they print; `…` stands for anything. */
  output: string | null;
}

test('the first plugin of the README works as it is written', async () => {
  await using home = await temporaryFolder();
  await using service = await startService({ dataDir: `${home.path}/.omniroute` });
  const steps = await readSteps();
  expect(steps.map((step) => step.output !== null)).toEqual([false, true, true, true]);
  const script = steps.map(({ commands }) => `${commands}\necho; echo '${endOfStep}'`).join('\n');
  const { stdout } = await run(
    'bash',
    ['--norc', '-euc', script.replaceAll('localhost:20128', new URL(service.url).host)],
    { cwd: home.path, env: { PATH: process.env.PATH, HOME: home.path } },
  );
  const printed = stdout.split(endOfStep).map(withoutVolatileHeaders);
  for (const [index, { output }] of steps.entries()) {
    if (output !== null) expect(printed[index]).toMatch(asPattern(output));
  }
});

async function readSteps(): Promise<Step[]> {
  const readme = await readFile(fileURLToPath(new URL('../README.md', import.meta.url)), 'utf8');
  const blocks = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)\n```$/gm)].map(([, kind, text]) => ({
    kind,
    text,
  }));
  return blocks.flatMap(({ kind, text = '' }, index) => {
    if (kind !== 'sh') return [];
    const next = blocks[index + 1];
    return [{ commands: text, output: next && next.kind !== 'sh' ? (next.text ?? '') : null }];
  });
}

function withoutVolatileHeaders(output: string): string {
  return output
    .replaceAll('\r', '')
    .replaceAll(/^(Date|Connection|Keep-Alive): .*\n/gm, '')
    .trim();
}

function asPattern(output: string): RegExp {
  const literal = output.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literal.join('[\\s\\S]*?')}$`);
}
