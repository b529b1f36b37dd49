import { type MetricsOutput, metricsOutputSchema } from '@omniroute/shared/analytics';
import type { RestCaller } from '../helpers/rest-caller.ts';
import { cast, type PlayerName } from './cast.ts';
import type { Bounds, Judge } from './judge.ts';

interface Options {
  call: RestCaller;
  judge: Judge;
  onAnomaly: (what: string) => void;
}

/** Compares what the service has counted with what was sent. */
export async function checkCounts({ call, judge, onAnomaly }: Options): Promise<void> {
  const check = (what: string, counted: number, { least, most }: Bounds) => {
    if (counted < least || counted > most)
      onAnomaly(`${what}: ${counted} are counted, and it were ${least} to ${most}`);
  };
  for (const { name, refuses } of cast) {
    const { metrics, hooks } = await metricsOf(call, name);
    const calls = metrics.find(({ event }) => event === 'onRequest')?.calls ?? 0;
    check(`calls of ${name}`, calls, judge.calls.get(name) ?? { least: 0, most: 0 });
    const refusals = hooks.find(({ hook }) => hook === 'onRequest')?.refusals ?? 0;
    check(`refusals of ${name}`, refusals, refuses ? judge.refusals('onRequest') : { least: 0, most: 0 });
  }
}

async function metricsOf(call: RestCaller, name: PlayerName): Promise<MetricsOutput> {
  const { body } = await call('GET', `/api/plugins/${name}/metrics?windowMinutes=1440`);
  return metricsOutputSchema.parse(body);
}
