import { cast, type PlayerName } from './cast.ts';
import type { Received, Sent } from './load.ts';
import type { PluginWatch } from './plugin-watch.ts';
import type { Possible } from './timeline.ts';

/** How often a hook was due, at least and at most. */
export interface Bounds {
  least: number;
  most: number;
}

interface Options {
  watches: ReadonlyMap<PlayerName, PluginWatch>;
  onAnomaly: (what: string) => void;
}

type Hook = 'onRequest' | 'onResponse';

/** Judges each answer by what the plugins may have been meanwhile, and adds up what they must have counted. */
export class Judge {
  readonly #options: Options;
  readonly #calls = new Map(cast.map(({ name }) => [name, { least: 0, most: 0 }]));
  readonly #refusals = { onRequest: 0, onResponse: 0 };
  #left = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** @param sentAt by the clock of the watches; the answer has come now */
  judge(sent: Sent, received: Received, sentAt: number): void {
    const possible = new Map(
      [...this.#options.watches].map(([name, watch]) => [name, watch.since(sentAt)] as const),
    );
    if (received.kind === 'broken') this.#anomaly(sent, received.what, possible);
    else if (received.kind === 'answer') this.#judgeAnswer(sent, received, possible);
    else if (received.kind === 'refusal') this.#judgeRefusal(sent, received, possible);
    else this.#left += 1;
    this.#count(received, possible);
  }

  /** Calls of `onRequest` of each plugin. */
  get calls(): ReadonlyMap<PlayerName, Bounds> {
    return this.#calls;
  }

  /** Answers that were refused for a closed hook; more where a client left. */
  refusals(hook: Hook): Bounds {
    return { least: this.#refusals[hook], most: this.#refusals[hook] + this.#left };
  }

  #judgeAnswer(sent: Sent, answer: Received & { kind: 'answer' }, possible: Map<PlayerName, Possible>): void {
    const signatures = readSignatures(sent.content, answer.content);
    if (!signatures) {
      this.#anomaly(sent, `the answer is '${answer.content}'`, possible);
      return;
    }
    for (const { name, signs, refuses } of cast) {
      const may = possible.get(name);
      if (!signs || !may) continue;
      const found = [signatures.get(name), sent.stream ? undefined : answer.headers[`x-${name}`]];
      for (const [index, signature] of found.entries()) {
        // The headers of a stream have been sent before `onResponse` runs.
        if (index === 1 && sent.stream) continue;
        const hook = index === 0 ? 'onRequest' : 'onResponse';
        if (typeof signature === 'string' ? !signed(may, signature) : !passed(may, refuses))
          this.#anomaly(sent, `${hook} of ${name} came to ${String(signature)}`, possible);
      }
    }
  }

  #judgeRefusal(
    sent: Sent,
    refusal: Received & { kind: 'refusal' },
    possible: Map<PlayerName, Possible>,
  ): void {
    const { status, code, message } = refusal;
    const [, name, hook] =
      /^Plugin '([a-z-]+)' did not answer its (onRequest|onResponse) hook/.exec(message) ?? [];
    const player = cast.find((each) => each.name === name);
    if (hook === 'onRequest' || hook === 'onResponse') this.#refusals[hook] += 1;
    const isExplained = status === 503 && player?.refuses && possible.get(player.name)?.down;
    if (code !== 'PLUGIN_UNAVAILABLE' || !isExplained)
      this.#anomaly(sent, `${status} ${code} ${message}`, possible);
  }

  #count(received: Received, possible: Map<PlayerName, Possible>): void {
    const refusedBy =
      received.kind === 'refusal'
        ? /'([a-z-]+)' did not answer its onRequest/.exec(received.message)?.[1]
        : undefined;
    let isReached = true;
    for (const { name } of cast) {
      const bounds = this.#calls.get(name);
      const may = possible.get(name);
      if (!bounds || !may || !isReached) continue;
      const isSure = !may.off && received.kind !== 'left' && received.kind !== 'broken';
      if (isSure) bounds.least += 1;
      if (may.down || may.versions.size > 0) bounds.most += 1;
      isReached = name !== refusedBy;
    }
  }

  #anomaly(sent: Sent, what: string, possible: Map<PlayerName, Possible>): void {
    const states = [...possible].map(([name, may]) => `${name} ${describe(may)}`).join(', ');
    this.#options.onAnomaly(
      `${sent.stream ? 'stream' : 'request'} '${sent.content.slice(0, 60)}': ${what} (${states})`,
    );
  }
}

function signed({ versions, words }: Possible, signature: string): boolean {
  const [version = '', word = ''] = signature.split(':');
  return versions.has(version) && words.has(word);
}

/** Whether a hook may have been passed without running. A closed one that is enabled is never passed. */
function passed({ down, off }: Possible, refuses: boolean): boolean {
  return off || (down && !refuses);
}

/** What the plugins added to the message, by name; null where it is not what was sent, or not in the order of the hooks. */
function readSignatures(sent: string, content: string): Map<PlayerName, string> | null {
  if (!content.startsWith(sent)) return null;
  const signatures = new Map<PlayerName, string>();
  let rest = content.slice(sent.length);
  for (const { name } of cast) {
    const start = `${name}@`;
    const [, first = ''] = /^ (\S+)/.exec(rest) ?? [];
    if (!first.startsWith(start)) continue;
    signatures.set(name, first.slice(start.length));
    rest = rest.slice(first.length + 1);
  }
  return rest === '' ? signatures : null;
}

function describe({ versions, words, down, off }: Possible): string {
  const parts = [[...versions].join('|'), [...words].join('|'), down ? 'down' : '', off ? 'off' : ''];
  return parts.filter((part) => part !== '').join(' ');
}
