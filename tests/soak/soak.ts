import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ErrorBody } from '@omniroute/shared/error-code';
import { footprint } from '../helpers/footprint.ts';
import { install } from '../helpers/plugin-calls.ts';
import { processesOf } from '../helpers/processes.ts';
import type { RestCaller } from '../helpers/rest-caller.ts';
import { type ServiceProcess, startServiceProcess } from '../helpers/service-process.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { Anomalies } from './anomalies.ts';
import { cast, packageOf, type PlayerName, versions, writeCast } from './cast.ts';
import { checkCounts } from './check-counts.ts';
import { type Footing, footingOf } from './footing.ts';
import { Judge } from './judge.ts';
import { Load, type Received, type Sent } from './load.ts';
import { Operator } from './operator.ts';
import { PluginWatch } from './plugin-watch.ts';
import { checkFlatness, type Flatness, Samples } from './samples.ts';
import { SeededRandom } from './seeded-random.ts';
import { Tally } from './tally.ts';

/** How long a client that was refused waits. */
const backOffMs = 50;

export interface SoakOptions {
  requests: number;
  /** Requests in flight. */
  concurrency: number;
  /** What is sent and done, and in which order for each plugin; when is not for a seed to say. */
  seed: number;
  /** Ends it before all requests are sent. */
  maxDurationMs: number;
  /** Between two operations on one plugin, at most. */
  maxPauseMs: number;
}

export interface SoakReport {
  options: SoakOptions;
  durationMs: number;
  requests: Record<string, number>;
  operations: Record<string, number>;
  latencyMs: { p50: number; p99: number; max: number };
  warm: Footing;
  end: Footing;
  memory: Flatness;
  anomalies: readonly string[];
  anomalyCount: number;
}

/** Sends requests while the plugins are changed and killed at random, and judges every answer. Linux only. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  await using folder = await temporaryFolder();
  const packages = join(folder.path, 'packages');
  const dataDir = join(folder.path, 'data');
  await writeCast(packages);
  await using service = await startServiceProcess(dataDir);
  await using load = new Load(service.url);
  const anomalies = new Anomalies();
  const requests = new Tally();
  const operations = new Tally();
  const latencies: number[] = [];
  const call = careful(service.call, anomalies);
  const now = () => performance.now();
  const watches = new Map<PlayerName, PluginWatch>(
    cast.map((player) => [player.name, new PluginWatch({ player, call, now, onAnomaly: anomalies.add })]),
  );
  const judge = new Judge({ watches, onAnomaly: anomalies.add });
  let count = 0;
  const send = async (sent: Sent): Promise<Received> => {
    count += 1;
    const named = { ...sent, content: `request-${count} ${sent.content}` };
    const sentAt = now();
    const received = await load.send(named);
    latencies.push(now() - sentAt);
    judge.judge(named, received, sentAt);
    requests.add(received.kind === 'refusal' ? `refused ${received.status}` : received.kind);
    return received;
  };

  await bringUp({ call }, packages, watches);
  const startedAt = now();
  const random = new SeededRandom(options.seed);
  const generate = async (share: number, signal?: AbortSignal) => {
    const until = count + Math.round(options.requests * share);
    const client = async () => {
      while (count < until && !signal?.aborted) {
        const { kind } = await send(nextRequest(random));
        // As clients do; or else most requests would be those that are refused, being the fastest.
        if (kind === 'refusal') await wait(backOffMs);
      }
    };
    await Promise.all(Array.from({ length: options.concurrency }, client));
  };
  await generate(0.05);
  const samples = new Samples(service.pid);
  const warm = await samples.take();

  const ending = new AbortController();
  const expiry = AbortSignal.timeout(options.maxDurationMs);
  const operator = new Operator({
    servicePid: service.pid,
    call,
    packages,
    watches,
    random,
    maxPauseMs: options.maxPauseMs,
    send,
    tally: operations,
    onAnomaly: anomalies.add,
  });
  const operating = operator.run(ending.signal);
  const sampling = samples.run(ending.signal);
  await generate(0.95, expiry);
  ending.abort();
  await Promise.all([operating, sampling]);

  await activateAll(watches, call, anomalies);
  await generate(0.01);
  await checkCounts({ call, judge, onAnomaly: anomalies.add });
  const end = await settledFooting(service, warm);
  await checkTidy(service, dataDir, { warm, end, onAnomaly: anomalies.add });
  const memory = checkFlatness(samples.rss);
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return {
    options,
    durationMs: now() - startedAt,
    requests: requests.toJSON(),
    operations: operations.toJSON(),
    latencyMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
    warm,
    end,
    memory,
    anomalies: anomalies.list,
    anomalyCount: anomalies.count,
  };
}

function nextRequest(random: SeededRandom): Sent {
  const content = 'x'.repeat(random.chance(0.05) ? random.between(1_000, 100_000) : random.between(1, 200));
  return { content, stream: random.chance(0.3), leaves: random.chance(0.02) };
}

/** REST answers 500 or breaks only where something is wrong. */
function careful(call: RestCaller, anomalies: Anomalies): RestCaller {
  return async <T>(method: string, path: string, body?: unknown) => {
    const answer = await call<T & Partial<ErrorBody>>(method, path, body);
    if (answer.status >= 500)
      anomalies.add(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer;
  };
}

async function bringUp(
  caller: { call: RestCaller },
  packages: string,
  watches: ReadonlyMap<PlayerName, PluginWatch>,
): Promise<void> {
  for (const [name, watch] of watches) {
    await watch.during({}, async () => {
      await install(caller, packageOf(packages, name, versions[0]));
      await caller.call('POST', `/api/plugins/${name}/activate`);
    });
  }
}

async function activateAll(
  watches: ReadonlyMap<PlayerName, PluginWatch>,
  call: RestCaller,
  anomalies: Anomalies,
): Promise<void> {
  for (const [name, watch] of watches) {
    await watch.during({}, async () => {
      const { status } = await call('POST', `/api/plugins/${name}/activate`);
      if (status !== 200) anomalies.add(`${name} cannot be activated at the end: ${status}`);
    });
  }
}

/** Processes and descriptors of what was just ended take a moment to go. */
async function settledFooting(service: ServiceProcess, warm: Footing): Promise<Footing> {
  const until = performance.now() + 10_000;
  for (;;) {
    const footing = await footingOf(service.pid);
    const isAsBefore = footing.children === warm.children && footing.descriptors === warm.descriptors;
    if (isAsBefore || performance.now() > until) return footing;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function checkTidy(
  service: ServiceProcess,
  dataDir: string,
  { warm, end, onAnomaly }: { warm: Footing; end: Footing; onAnomaly: (what: string) => void },
): Promise<void> {
  if (end.children !== cast.length) onAnomaly(`${end.children} processes run for ${cast.length} plugins`);
  if (end.descriptors !== warm.descriptors)
    onAnomaly(`${end.descriptors} descriptors are open; after warm-up it were ${warm.descriptors}`);
  const { operations, files } = await footprint(dataDir);
  if (operations.length > 0) onAnomaly(`the journal holds ${JSON.stringify(operations)}`);
  const leftovers = files.filter((file) => /\.(staging|trash)-/.test(file));
  if (leftovers.length > 0) onAnomaly(`these are left over: ${leftovers.join(', ')}`);
  await service.end('SIGTERM');
  const survivors = await processesOf(dataDir);
  if (survivors.length > 0) onAnomaly(`${survivors.length} processes outlive the service`);
}
