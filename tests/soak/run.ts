/**
 * The long soak: `npx -y pnpm@12 soak`. `--requests=`, `--concurrency=`, `--seed=`, `--max-minutes=` and `--max-pause-ms=`
 * change it; `--json=<file>` writes the report there, too. Exits with 1 where anything is left unexplained.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { reportText } from './report-text.ts';
import { soak } from './soak.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '30000' },
    concurrency: { type: 'string', default: '8' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    'max-minutes': { type: 'string', default: '30' },
    'max-pause-ms': { type: 'string', default: '150' },
    json: { type: 'string' },
  },
});
const report = await soak({
  requests: Number(values.requests),
  concurrency: Number(values.concurrency),
  seed: Number(values.seed),
  maxDurationMs: Number(values['max-minutes']) * 60_000,
  maxPauseMs: Number(values['max-pause-ms']),
});
console.log(reportText(report));
if (values.json !== undefined) await writeFile(values.json, JSON.stringify(report, null, 2));
process.exitCode = report.anomalyCount === 0 && report.memory.isFlat ? 0 : 1;
