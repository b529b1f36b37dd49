import type { PluginDetail } from '@omniroute/shared/plugin';
import type { RestCaller } from '../helpers/rest-caller.ts';
import { defaultWord, type Player } from './cast.ts';
import { either, nothing, type Possible, Timeline } from './timeline.ts';

/** A plugin that crashed is running again, or given up, within that. */
const settleMs = 40_000;

interface Options {
  player: Player;
  call: RestCaller;
  now: () => number;
  onAnomaly: (what: string) => void;
}

export interface Version {
  version: string;
  word: string;
}

type Candidates = Pick<Possible, 'versions' | 'words'>;

/**
 * What one plugin may be for a request, by what is done to it. While something is going on it may be what it was and what
 * that can make of it; once nothing is, the API says what it is, and it must be that.
 */
export class PluginWatch {
  readonly #options: Options;
  readonly #timeline: Timeline;
  #goingOn = 0;
  #epoch = 0;
  /** What it was, and all that what goes on can have made it. */
  #candidates: Candidates = { versions: new Set(), words: new Set() };
  /** What a rollback would bring back; several where that is not sure yet. */
  #previous: Candidates = { versions: new Set(), words: new Set() };
  /** As the API told it last, when nothing went on. */
  facts: PluginDetail | null = null;
  #isPaused = false;

  constructor(options: Options) {
    this.#options = options;
    this.#timeline = new Timeline(options.now);
  }

  get player(): Player {
    return this.#options.player;
  }

  /** Nothing is being done to it. */
  get isQuiet(): boolean {
    return this.#goingOn === 0;
  }

  since(from: number): Possible {
    return this.#timeline.since(from);
  }

  /** Does something that may make the plugin what it was, or any of `outcome`. */
  async during<T>(outcome: Partial<Possible>, work: () => Promise<T>): Promise<T> {
    this.#goingOn += 1;
    this.#epoch += 1;
    const latest = either(this.#timeline.latest, { ...nothing, ...outcome });
    this.#timeline.set(latest);
    this.#candidates = union(this.#candidates, latest);
    try {
      return await work();
    } finally {
      this.#goingOn -= 1;
      if (this.#goingOn === 0) await this.#settle();
    }
  }

  /** What it may be now. */
  get candidates(): Candidates {
    return this.#candidates;
  }

  /** What a rollback may bring back. */
  get rolledBack(): Candidates {
    return this.#previous;
  }

  /** What a crash may come to: it is down, and perhaps rolled back after too many of them. */
  get crashed(): Partial<Possible> {
    return { down: true, ...this.#previous };
  }

  /** Another version has taken the place of one that was among `before`. */
  replaced(before: Candidates): void {
    this.#previous = before;
  }

  /** While plugins are being paused, and while they start again. */
  async pausing(isPaused: boolean, work: () => Promise<void>): Promise<void> {
    const now = versionOf(await this.read());
    this.#isPaused = false;
    await this.during(union(this.crashed, candidates([now])), async () => {
      await work();
      this.#isPaused = isPaused;
    });
  }

  async read(): Promise<PluginDetail> {
    const { player, call } = this.#options;
    const { status, body } = await call<{ plugin: PluginDetail }>('GET', `/api/plugins/${player.name}`);
    if (status !== 200) throw new Error(`${player.name} is gone: ${status}`);
    return body.plugin;
  }

  async #settle(): Promise<void> {
    const { now } = this.#options;
    const until = now() + settleMs;
    for (;;) {
      const epoch = this.#epoch;
      const facts = await this.read();
      // Something else has begun, and settles it.
      if (this.#goingOn > 0 || epoch !== this.#epoch) return;
      if (this.#isSettled(facts) || now() > until) {
        this.#accept(facts);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  #isSettled({ status, process, errorMessage, previousVersion }: PluginDetail): boolean {
    if (status === 'active') return process.state === 'running' && !this.#isPaused;
    // It is given up, and is going back to the version before, or has tried to.
    const isGivenUp = status === 'error' && errorMessage?.startsWith('It crashed');
    if (isGivenUp && previousVersion !== undefined && !this.#isPaused)
      return errorMessage?.includes('did not start, either') ?? false;
    return process.state !== 'restarting' && process.state !== 'starting' && process.state !== 'running';
  }

  #accept(facts: PluginDetail): void {
    const { player, onAnomaly } = this.#options;
    const { name } = player;
    const { version, word } = versionOf(facts);
    if (!this.#isSettled(facts)) {
      const paused = this.#isPaused ? ' while plugins are paused' : '';
      onAnomaly(`${name} is ${facts.status} with a process that is ${facts.process.state}${paused}`);
    }
    const { versions, words } = this.#candidates;
    if (this.facts && !(versions.has(version) && words.has(word))) {
      onAnomaly(`${name} is ${version}:${word}, and nothing can have made it so`);
    }
    this.#candidates = candidates([{ version, word }]);
    const { previousVersion } = facts;
    const isKnown = previousVersion !== undefined && this.#previous.versions.has(previousVersion);
    if (previousVersion !== undefined && !isKnown) {
      onAnomaly(`${name} has ${previousVersion} to go back to, and never was that`);
    }
    if (previousVersion === undefined && this.#previous.versions.size > 0 && !facts.rolledBack) {
      onAnomaly(`${name} has nothing to go back to`);
    }
    this.#previous =
      previousVersion === undefined
        ? candidates([])
        : { ...this.#previous, versions: new Set([previousVersion]) };
    this.facts = facts;
    const serves = facts.status === 'active';
    this.#timeline.set({
      ...candidates(serves ? [{ version, word }] : []),
      down: facts.enabled && !serves,
      off: !facts.enabled,
    });
  }
}

export function versionOf({ version, config }: Pick<PluginDetail, 'version' | 'config'>): Version {
  return { version, word: typeof config.word === 'string' ? config.word : defaultWord };
}

export function candidates(given: readonly Version[]): Candidates {
  return {
    versions: new Set(given.map(({ version }) => version)),
    words: new Set(given.map(({ word }) => word)),
  };
}

function union(first: Partial<Candidates>, second: Candidates): Candidates {
  return {
    ...first,
    versions: second.versions.union(first.versions ?? new Set()),
    words: second.words.union(first.words ?? new Set()),
  };
}
