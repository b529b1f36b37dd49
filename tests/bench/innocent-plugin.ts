/**
 * What an innocent plugin's requests take beside each kind of offender, as ratios to what they take alone, in one run:
 * `npx -y pnpm@12 exec node tests/bench/innocent-plugin.ts`. Medians of interleaved rounds. The service is a process of its
 * own, and this one the load. Words behind it choose among the offenders; `ROUNDS` is how many rounds there are.
 */
import { join } from 'node:path';
import { loadavg } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import { fixture } from '../helpers/fixture.ts';
import { act, install } from '../helpers/plugin-calls.ts';
import { writePackage } from '../helpers/plugin-package.ts';
import { startServiceProcess } from '../helpers/service-process.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { type Offender, offenders } from './offenders.ts';

const rounds = Number(process.env['ROUNDS'] ?? 7);
const roundMs = 1_000;
const words = process.argv.slice(2).join(' ');
const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(1_024) }] });

interface Latency {
  p50: number;
  p99: number;
}

await using folder = await temporaryFolder();
await using service = await startServiceProcess(join(folder.path, 'data'), { LOG_LEVEL: 'silent' });
const pool = new Pool(service.url, { connections: 1 });
await install(service, fixture('sets-metadata'));
await act(service, 'sets-metadata', 'activate');
await measure();

for (const offender of offenders.filter(({ what }) => what.includes(words))) await report(offender);
await pool.close();

async function report(offender: Offender): Promise<void> {
  const { what, source, watches = false } = offender;
  const hooks = { onActivate: true, ...(watches ? { onRequest: { mode: 'observe', timeoutMs: 100 } } : {}) };
  const dir = await writePackage(
    join(folder.path, 'offender'),
    { name: 'offender', hooks },
    { 'index.js': source },
  );
  await install(service, dir);
  const alone: Latency[] = [];
  const beside: Latency[] = [];
  for (let round = 0; round < rounds; round += 1) {
    alone.push(await measure());
    await act(service, 'offender', 'activate');
    await wait(1_500);
    beside.push(await measure());
    await act(service, 'offender', 'deactivate');
  }
  await act(service, 'offender', 'uninstall');
  const of = (latencies: readonly Latency[], key: keyof Latency) =>
    median(latencies.map((each) => each[key]));
  const figures = (['p50', 'p99'] as const).map((key) => {
    const [a, b] = [of(alone, key), of(beside, key)];
    const ratios = beside.map((each, index) => each[key] / (alone[index]?.[key] ?? Number.NaN));
    return `${key} ${a.toFixed(2)} ms alone, ${b.toFixed(2)} beside: ${median(ratios).toFixed(2)} ×`;
  });
  console.log(`${what}: ${figures.join('; ')} (load ${loadavg()[0]?.toFixed(1)})`);
}

/** Milliseconds per request, one after the other. */
async function measure(): Promise<Latency> {
  const latencies: number[] = [];
  const until = performance.now() + roundMs;
  while (performance.now() < until) {
    const startedAt = performance.now();
    const response = await pool.request({
      method: 'POST',
      path: '/v1/chat/completions',
      headers: { 'content-type': 'application/json' },
      body,
    });
    await response.body.dump();
    latencies.push(performance.now() - startedAt);
  }
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
