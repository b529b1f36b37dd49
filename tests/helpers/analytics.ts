import type { AnalyticsOutput, HookCounts, HookFigures, MetricsOutput } from '@omniroute/shared/analytics';
import { hookCountsSchema } from '@omniroute/shared/analytics';
import type { Service } from './service.ts';

export async function metricsOf(service: Service, name: string, query = ''): Promise<MetricsOutput> {
  const { status, body } = await service.call<MetricsOutput>('GET', `/api/plugins/${name}/metrics${query}`);
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body;
}

export async function analyticsOf(service: Service, name: string, query = ''): Promise<AnalyticsOutput> {
  const path = `/api/plugins/${name}/analytics${query}`;
  const { status, body } = await service.call<AnalyticsOutput>('GET', path);
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body;
}

/** What was counted of one hook in the last hour; undefined where nothing was. */
export async function countsOf(
  service: Service,
  name: string,
  hook: string,
): Promise<HookCounts | undefined> {
  const figures = (await metricsOf(service, name)).hooks.find((entry) => entry.hook === hook);
  return figures && counts(figures);
}

/** The counts that differ from none, and every other one as 0. */
export function counting(given: Partial<HookCounts>): HookCounts {
  return { calls: 0, errors: 0, timeouts: 0, blocks: 0, bypasses: 0, refusals: 0, ...given };
}

/** The counts of several minutes of one hook added up. */
export function sum(minutes: readonly HookFigures[]): HookCounts {
  const total = counting({});
  for (const minute of minutes) for (const key of hookCountsSchema.keyof().options) total[key] += minute[key];
  return total;
}

function counts(figures: HookFigures): HookCounts {
  return hookCountsSchema.parse(figures);
}
