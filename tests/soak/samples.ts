import { type Footing, footingOf } from './footing.ts';

const intervalMs = 500;
/** What V8 may hold or not by the hour of its last major collection. */
const slackBytes = 16 * 1024 * 1024;
const slackShare = 0.1;

export interface Flatness {
  /** Medians of the resident set in the middle and in the last third of the samples. */
  middleBytes: number;
  lastBytes: number;
  isFlat: boolean;
}

/** What the service's process holds, time and again. */
export class Samples {
  readonly #pid: number;
  readonly rss: number[] = [];

  constructor(pid: number) {
    this.#pid = pid;
  }

  async take(): Promise<Footing> {
    const footing = await footingOf(this.#pid);
    this.rss.push(footing.rssBytes);
    return footing;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.take();
      await new Promise((resolve) => setTimeout(resolve, intervalMs));
    }
  }
}

/** The first third is warm-up; the last third may hold little more than the middle one: 10 %, and 16 MiB. */
export function checkFlatness(rss: readonly number[]): Flatness {
  const third = Math.floor(rss.length / 3);
  const middleBytes = median(rss.slice(third, 2 * third));
  const lastBytes = median(rss.slice(2 * third));
  return { middleBytes, lastBytes, isFlat: lastBytes <= middleBytes * (1 + slackShare) + slackBytes };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
