const firstBoundMs = 0.01;
const bucketsPerOctave = 4;
/** The last bucket begins above 80 s and has no end. */
const bucketCount = 94;

/**
 * How many durations fell into each of a fixed row of buckets: the first is below 0.01 ms, each other one is a quarter
 * of an octave, 19 %, wide. Counts are exact; quantiles are right to within their bucket.
 */
export class LatencyHistogram {
  readonly #counts = new Map<number, number>();
  #total = 0;

  /** Reads what {@link toJson} wrote. What is no such text reads as empty: one bad row must not hide the others. */
  static fromJson(text: string): LatencyHistogram {
    const histogram = new LatencyHistogram();
    for (const [bucket, count] of entriesOf(text)) histogram.#add(bucket, count);
    return histogram;
  }

  get total(): number {
    return this.#total;
  }

  record(durationMs: number): void {
    this.#add(bucketOf(durationMs), 1);
  }

  merge(other: LatencyHistogram): void {
    for (const [bucket, count] of other.#counts) this.#add(bucket, count);
  }

  /** The duration in ms that `share` (0–1) of the durations do not exceed, interpolated inside its bucket; null if empty. */
  quantile(share: number): number | null {
    if (this.#total === 0) return null;
    const rank = share * this.#total;
    let below = 0;
    let last = 0;
    for (const [bucket, count] of [...this.#counts].sort(([a], [b]) => a - b)) {
      if (below + count >= rank) {
        const lower = lowerBoundMs(bucket);
        return lower + ((rank - below) / count) * (lowerBoundMs(bucket + 1) - lower);
      }
      below += count;
      last = bucket;
    }
    return lowerBoundMs(last + 1);
  }

  /** Sparse: bucket → count. */
  toJson(): string {
    return JSON.stringify(Object.fromEntries(this.#counts));
  }

  #add(bucket: number, count: number): void {
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count);
    this.#total += count;
  }
}

function bucketOf(durationMs: number): number {
  if (durationMs < firstBoundMs) return 0;
  const bucket = Math.floor(Math.log2(durationMs / firstBoundMs) * bucketsPerOctave) + 1;
  return Math.min(bucket, bucketCount - 1);
}

function lowerBoundMs(bucket: number): number {
  return bucket === 0 ? 0 : firstBoundMs * 2 ** ((bucket - 1) / bucketsPerOctave);
}

function entriesOf(text: string): (readonly [number, number])[] {
  return Object.entries(parsedObject(text)).flatMap(([key, count]: [string, unknown]) => {
    const bucket = Number(key);
    return isCount(bucket) && bucket < bucketCount && isCount(count) ? [[bucket, count] as const] : [];
  });
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function parsedObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return value instanceof Object ? value : {};
  } catch {
    return {};
  }
}
