import {
  type AnalyticsInput,
  type AnalyticsOutput,
  defaultWindowMinutes,
  type HookCounts,
  type HookFigures,
  type HookMinute,
  type MetricsInput,
  type MetricsOutput,
  type OverviewOutput,
  type Percentiles,
} from '@omniroute/shared/analytics';
import { hookNames, isPipelineHook } from '@omniroute/shared/hook';
import { PluginError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import type { AnalyticsRepository } from './analytics-repository.ts';
import { type HookCell, mergeCell, newCell } from './hook-cell.ts';
import type { LatencyHistogram } from './latency-histogram.ts';

const msPerMinute = 60_000;
const msPerDay = 24 * 60 * msPerMinute;
const maxSpanHours = 24;

interface Options {
  repository: AnalyticsRepository;
  /** Brings what is counted in memory into the database: what is read is exact then. */
  flush: () => Promise<void>;
  runtime: Runtime;
}

/** What was counted of the plugins' hooks, for reading. */
export class AnalyticsService {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Totals since the installation, and the hooks of the last minutes. Throws PluginError PLUGIN_NOT_FOUND. */
  async metrics({ name, windowMinutes }: MetricsInput): Promise<MetricsOutput> {
    const { repository, flush } = this.#options;
    await this.#check(name);
    await flush();
    const sums = await sumsBy(
      (cell) => cell.hook,
      repository.minutes({ plugin: name, ...this.#window(windowMinutes) }),
    );
    const hooks = hookNames.flatMap((hook) => {
      const sum = sums.get(hook);
      return sum ? [figuresOf(sum)] : [];
    });
    return { metrics: await repository.totals(name), windowMinutes, hooks };
  }

  /** Recorded calls, and the hooks by minute. Throws PluginError PLUGIN_NOT_FOUND, or INVALID_REQUEST for a span over 24 hours. */
  async get(input: AnalyticsInput): Promise<AnalyticsOutput> {
    const { repository, flush } = this.#options;
    const span = this.#span(input);
    await this.#check(input.name);
    await flush();
    const filter = { plugin: input.name, hook: input.hook, ...span };
    const minutes: HookMinute[] = [];
    for await (const cell of input.minutes ? repository.minutes(filter) : []) {
      minutes.push({ minute: new Date(cell.minute).toISOString(), ...figuresOf(cell) });
    }
    return { calls: await repository.calls(input, filter), minutes };
  }

  /** Every installed plugin in the last hour, over the hooks that requests meet. */
  async overview(): Promise<OverviewOutput> {
    const { repository, flush } = this.#options;
    await flush();
    const sums = await sumsBy(
      ({ plugin, hook }) => (isPipelineHook(hook) ? plugin : null),
      repository.minutes(this.#window(defaultWindowMinutes)),
    );
    const plugins = (await repository.installed()).map((name) => {
      const { calls, errors, bypasses, refusals, histogram } =
        sums.get(name) ?? newCell(name, 'onRequest', 0);
      return { name, calls, errors, bypasses, refusals, p95Ms: histogram.quantile(0.95) };
    });
    return { windowMinutes: defaultWindowMinutes, plugins };
  }

  async #check(name: string): Promise<void> {
    if (await this.#options.repository.isInstalled(name)) return;
    throw new PluginError(
      'PLUGIN_NOT_FOUND',
      `No plugin named '${name}' is installed. GET /api/plugins lists those that are.`,
    );
  }

  #window(minutes: number): { from: number; to: number } {
    const now = this.#options.runtime.now().getTime();
    return { from: now - (now % msPerMinute) - (minutes - 1) * msPerMinute, to: now };
  }

  #span(input: AnalyticsInput): { from: number; to: number } {
    const to = input.to === undefined ? this.#options.runtime.now().getTime() : Date.parse(input.to);
    const from = input.from === undefined ? to - msPerDay : Date.parse(input.from);
    const problem =
      from >= to
        ? 'must be before "to", which is now unless it is given'
        : to - from > maxSpanHours * 60 * msPerMinute
          ? `must be at most ${maxSpanHours} hours before "to"`
          : null;
    if (problem === null) return { from, to };
    throw new PluginError('INVALID_REQUEST', `"from" ${problem}.`, {
      details: [{ path: 'from', message: problem }],
    });
  }
}

/** The cells added up by their key; those without one are left out. */
async function sumsBy<Key>(
  keyOf: (cell: HookCell) => Key | null,
  cells: AsyncIterable<HookCell>,
): Promise<Map<Key, HookCell>> {
  const sums = new Map<Key, HookCell>();
  for await (const cell of cells) {
    const key = keyOf(cell);
    if (key === null) continue;
    const sum = sums.get(key);
    if (sum) mergeCell(sum, cell);
    else sums.set(key, cell);
  }
  return sums;
}

function figuresOf({ hook, histogram, ...counts }: HookCell): HookFigures {
  return { hook, ...countsOf(counts), ...percentilesOf(histogram) };
}

function countsOf({ calls, errors, timeouts, blocks, bypasses, refusals }: HookCounts): HookCounts {
  return { calls, errors, timeouts, blocks, bypasses, refusals };
}

function percentilesOf(histogram: LatencyHistogram): Percentiles {
  return {
    p50Ms: histogram.quantile(0.5),
    p95Ms: histogram.quantile(0.95),
    p99Ms: histogram.quantile(0.99),
  };
}
