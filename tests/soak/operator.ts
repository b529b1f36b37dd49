import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { leavesOf } from '../helpers/processes.ts';
import type { RestCaller } from '../helpers/rest-caller.ts';
import { cast, type PlayerName, type Version, versions } from './cast.ts';
import type { Received, Sent } from './load.ts';
import { type Answered, type OperationKind, Operations } from './operations.ts';
import type { PluginWatch } from './plugin-watch.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { Tally } from './tally.ts';

interface Options {
  servicePid: number;
  call: RestCaller;
  packages: string;
  watches: ReadonlyMap<PlayerName, PluginWatch>;
  random: SeededRandom;
  /** Between two operations on one plugin, at most. */
  maxPauseMs: number;
  /** Sends one request, judged as every other. */
  send: (sent: Sent) => Promise<Received>;
  tally: Tally;
  onAnomaly: (what: string) => void;
}

const success: Record<Exclude<OperationKind, 'crash'>, number> = {
  activate: 200,
  deactivate: 200,
  restart: 200,
  upgrade: 201,
  replace: 201,
  older: 409,
  rollback: 200,
  configure: 200,
};

/** Does to the plugins what an operator, an author and bad luck do: each plugin has a sequence of its own. */
export class Operator {
  readonly #options: Options;
  /** What may make an operation fail that has done nothing wrong: kills, and plugins being paused. */
  #disturbances = 0;
  #isPaused = false;
  #words = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Goes on until `signal` aborts, and resolves when all that was begun has come to its end. */
  async run(signal: AbortSignal): Promise<void> {
    const loops = [...this.#options.watches.values()].map((watch) => this.#operate(watch, signal));
    await Promise.all([...loops, this.#kill(signal), this.#pause(signal)]);
  }

  async #operate(watch: PluginWatch, signal: AbortSignal): Promise<void> {
    const { random: all, call, packages, maxPauseMs } = this.#options;
    const random = all.fork(watch.player.name);
    const operations = new Operations({ watch, call, packages });
    while (!signal.aborted) {
      await wait(random.between(0, maxPauseMs));
      await this.#operateOnce(watch, operations, random);
    }
  }

  async #operateOnce(watch: PluginWatch, operations: Operations, random: SeededRandom): Promise<void> {
    const { tally, onAnomaly } = this.#options;
    const kind = choose(watch, random);
    const target = random.between(0, versions.length - 1);
    const keepConfig = random.chance(0.5);
    if (kind === 'crash') {
      await this.#crash(watch);
      return;
    }
    const disturbances = this.#disturbances;
    const wasDisturbed = this.#isPaused || !watch.isQuiet;
    const before = await watch.read();
    const answered = await this.#carryOut(kind, operations, {
      target,
      keepConfig,
      installed: before.version,
    });
    if (answered === null) return;
    const isDisturbed = wasDisturbed || this.#isPaused || disturbances !== this.#disturbances;
    const expected = kind === 'rollback' && before.previousVersion === undefined ? 409 : success[kind];
    tally.add(`${kind} ${answered.status}`);
    const isExplained = answered.status === expected || (isDisturbed && answered.status === 422);
    // A new version that crashed too often may have been taken back between the look and the operation.
    const isOvertaken =
      isDisturbed &&
      (kind === 'rollback' || kind === 'upgrade' || kind === 'older') &&
      [201, 409].includes(answered.status);
    if (!isExplained && !isOvertaken)
      onAnomaly(`${kind} of ${watch.player.name}: ${answered.status} ${answered.code} ${answered.message}`);
  }

  /** Null where there is nothing to do. */
  async #carryOut(
    kind: Exclude<OperationKind, 'crash'>,
    operations: Operations,
    { target, keepConfig, installed }: { target: number; keepConfig: boolean; installed: string },
  ): Promise<Answered | null> {
    const newest = versions.length - 1;
    const current = versions.findIndex((version) => version === installed);
    const at = (index: number): Version => versions[index] ?? versions[0];
    switch (kind) {
      case 'upgrade':
        return current === newest
          ? null
          : operations.replace(at(current + 1), { replace: false, keepConfig });
      case 'older':
        return operations.replace(at(Math.min(current, target)), { replace: false, keepConfig });
      case 'replace':
        return operations.replace(at(target), { replace: true, keepConfig });
      case 'configure':
        return operations.configure(`word-${(this.#words += 1)}`);
      case 'activate':
      case 'deactivate':
      case 'restart':
      case 'rollback':
        return operations[kind]();
    }
  }

  /** A request that the plugin's process ends in. */
  async #crash(watch: PluginWatch): Promise<void> {
    const { send, tally } = this.#options;
    const { name } = watch.player;
    const { process } = await watch.read();
    if (process.state !== 'running') return;
    this.#disturbances += 1;
    await watch.during(watch.crashed, async () => {
      const received = await send({ content: `crash=${name} .`, stream: false });
      const isReached =
        received.kind === 'answer' || (received.kind === 'refusal' && received.message.includes(name));
      if (isReached) await this.#untilGone(watch, process.pid);
    });
    tally.add('crash');
  }

  /** Kills any process of any plugin, also one that is just being started. */
  async #kill(signal: AbortSignal): Promise<void> {
    const { random: all, servicePid, watches, maxPauseMs } = this.#options;
    const random = all.fork('kill');
    while (!signal.aborted) {
      await wait(random.between(maxPauseMs, 4 * maxPauseMs));
      const pids = await leavesOf(servicePid);
      const pid = pids[random.between(0, pids.length - 1)];
      const commandLine = pid && (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => null));
      if (!pid || !commandLine) continue;
      const player = cast.find(({ name }) => commandLine.includes(`/plugins/${name}\0`));
      const watch = player && watches.get(player.name);
      if (watch) await watch.during(watch.crashed, () => this.#killProcess(pid, watch));
      else await this.#killProcess(pid, null);
    }
  }

  async #killProcess(pid: number, watch: PluginWatch | null): Promise<void> {
    const { tally } = this.#options;
    this.#disturbances += 1;
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return;
      throw error;
    }
    tally.add(watch ? 'kill' : 'kill while staged or starting');
    if (watch) await this.#untilGone(watch, pid);
    // Operations that the kill made fail are answered after it.
    this.#disturbances += 1;
  }

  /** Until the service has seen that the process ended. */
  async #untilGone(watch: PluginWatch, pid: number | null): Promise<void> {
    while ((await watch.read()).process.pid === pid) await wait(5);
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const { random: all, maxPauseMs, tally } = this.#options;
    const random = all.fork('pause');
    for (;;) {
      await Promise.race([wait(random.between(10, 40) * maxPauseMs), aborted(signal)]);
      if (signal.aborted) return;
      await this.#setPaused(true);
      await wait(random.between(0, 2 * maxPauseMs));
      await this.#setPaused(false);
      tally.add('pause');
    }
  }

  async #setPaused(pluginsPaused: boolean): Promise<void> {
    const { call, onAnomaly } = this.#options;
    this.#isPaused = true;
    this.#disturbances += 1;
    const change = async () => {
      const { status } = await call('PATCH', '/api/settings', { pluginsPaused });
      if (status !== 200) onAnomaly(`pluginsPaused ${pluginsPaused}: ${status}`);
    };
    const all = [...this.#options.watches.values()];
    const nested = all.reduce<() => Promise<void>>(
      (inner, watch) => () => watch.pausing(pluginsPaused, inner),
      change,
    );
    await nested();
    this.#isPaused = pluginsPaused;
    this.#disturbances += 1;
  }
}

function choose(watch: PluginWatch, random: SeededRandom): OperationKind {
  const isUp = watch.facts?.status === 'active';
  return random.weighted([
    ['activate', isUp ? 1 : 12],
    ['deactivate', 2],
    ['restart', 2],
    ['upgrade', 3],
    ['replace', 3],
    ['older', 1],
    ['rollback', 2],
    ['configure', 5],
    ['crash', watch.player.name === 'crasher' ? 8 : 0],
  ]);
}

async function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  if (!signal.aborted) await promise;
}
