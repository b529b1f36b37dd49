import {
  canaries as allCanaries,
  type Canary,
  type CanaryResult,
  type Isolation,
} from '@omniroute/shared/isolation';
import type { Layer } from './layers/layer.ts';
import type { CanaryOutcome } from './run-canary.ts';

const gapOf: Record<Canary, string> = {
  readFile: 'It can read files that it was not given.',
  writeFile: 'It can write files that it was not given.',
  listParent: 'It can list folders that it was not given.',
  connectTcp: 'It can open network connections of its own.',
  connectUnix: 'It can connect to the sockets of other programs on this machine.',
  openSqlite: 'It can open any file as an SQLite database.',
  readProcess: 'It can read the environment of other processes of this user.',
  spawn: 'It can start other programs.',
  signal: 'It can signal other processes of this user, and so end them.',
  setFlag: "It can set V8's flags, and so overwrite any file.",
};

/** What there is to try: only Linux shows other processes as files. */
const canaries = allCanaries.filter((name) => name !== 'readProcess' || process.platform === 'linux');

/** What became of one canary, in the light of what one could do that nothing confined. */
export interface Verdict {
  /** The name of the layer, or `all`. */
  under: string;
  /** Why it did not run to its end; null where it did. */
  failure: string | null;
  results: Partial<Record<Canary, CanaryResult>>;
}

interface Judged {
  layer: Layer;
  verdict: Verdict;
}

export function judge(control: CanaryOutcome, outcome: CanaryOutcome, under: string): Verdict {
  const resultOf = (name: Canary): CanaryResult => {
    if (outcome.worked.has(name)) return 'worked';
    return control.worked.has(name) && outcome.failure === null ? 'stopped' : 'unknown';
  };
  return {
    under,
    failure: outcome.failure,
    results: Object.fromEntries(canaries.map((name) => [name, resultOf(name)])),
  };
}

/** Whether a layer cannot be used: a canary did not run under it, or did what it should stop. */
export function isEscape({ stops }: Layer, { failure, results }: Verdict): boolean {
  return failure !== null || stops.some((name) => results[name] === 'worked');
}

/** Whether a layer was seen to stop all that it is to stop. */
export function isHeld({ layer, verdict }: Judged): boolean {
  return canaries.every((name) => !layer.stops.includes(name) || verdict.results[name] === 'stopped');
}

/**
 * 3: a layer of the operating system stops what is its to stop, and nothing works under all layers together; 2: Node's
 * permission model stops what is its; else 1.
 */
export function levelOf(kept: readonly Judged[], all: Verdict | null): Isolation['level'] {
  const holds = (kind: Layer['kind']) => kept.some((one) => one.layer.kind === kind && isHeld(one));
  const nothingWorks = canaries.every((name) => all?.results[name] === 'stopped');
  if (holds('os') && nothingWorks) return 3;
  return holds('node') ? 2 : 1;
}

/** Why a layer that is there is not used, for an operator to read. */
export function unusable({ name, stops }: Layer, verdict: Verdict, all: Verdict): string {
  const why = verdict.failure ?? all.failure;
  if (why !== null)
    return `No layer of the operating system confines it: ${name} does not work here (${why}).`;
  const passed = stops.filter((canary) => verdict.results[canary] === 'worked');
  return `No layer of the operating system confines it: ${name} does not stop what it should (${passed.join(', ')}).`;
}

/** What is not enforced, or not known to be, one sentence each. */
export function gapsOf(verdict: Verdict | undefined): string[] {
  return canaries.flatMap((name) => {
    const result = verdict?.results[name] ?? 'unknown';
    if (result === 'stopped') return [];
    return result === 'worked'
      ? [gapOf[name]]
      : [`Not known, for want of a check that works here: ${gapOf[name]}`];
  });
}
