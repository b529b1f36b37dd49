/** What a plugin may be, in some span of time. */
export interface Possible {
  /** Versions that may serve; with none, none does. */
  versions: ReadonlySet<string>;
  words: ReadonlySet<string>;
  /** It may be enabled without serving: its failure policy decides. */
  down: boolean;
  /** It may be no plugin of the pipeline at all. */
  off: boolean;
}

export const nothing: Possible = { versions: new Set(), words: new Set(), down: false, off: false };

export function either(first: Possible, second: Possible): Possible {
  return {
    versions: first.versions.union(second.versions),
    words: first.words.union(second.words),
    down: first.down || second.down,
    off: first.off || second.off,
  };
}

/** What a plugin may have been, by time. */
export class Timeline {
  readonly #now: () => number;
  readonly #entries: { from: number; possible: Possible }[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** From now on it is this. */
  set(possible: Possible): void {
    this.#entries.push({ from: this.#now(), possible });
  }

  get latest(): Possible {
    return this.#entries.at(-1)?.possible ?? nothing;
  }

  /** All that it may have been at any time from `from` on. */
  since(from: number): Possible {
    let possible = nothing;
    for (let index = this.#entries.length - 1; index >= 0; index -= 1) {
      const entry = this.#entries[index];
      if (!entry) break;
      possible = either(possible, entry.possible);
      if (entry.from <= from) break;
    }
    return possible;
  }
}
