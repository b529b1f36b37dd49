import type { FaultCount, FetchCounts, PluginDetail } from '@omniroute/shared/plugin';
import type { ProcessFault } from '@omniroute/shared/process-fault';
import { FetchTally } from '../outbound/fetch-tally.ts';
import type { Fetched } from '../outbound/plugin-fetch.ts';
import { FaultTally } from '../plugin-process/fault-tally.ts';
import type { ProcessExit } from '../plugin-process/process-exit.ts';
import type { Runtime } from '../runtime.ts';

type LastExit = NonNullable<PluginDetail['process']['lastExit']>;

/** What the plugins' processes came to since the service started, by plugin name. */
export class ProcessHistory {
  readonly #runtime: Runtime;
  readonly #lastExits = new Map<string, LastExit>();
  readonly #faults = new Map<string, FaultTally>();
  readonly #fetches = new Map<string, FetchTally>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  exited(name: string, { code, signal, fault, reason }: ProcessExit): void {
    this.#lastExits.set(name, { at: this.#runtime.now().toISOString(), code, signal, fault, reason });
  }

  noteFault(name: string, fault: ProcessFault, message: string): void {
    const tally = this.#faults.get(name) ?? new FaultTally(() => this.#runtime.now());
    this.#faults.set(name, tally);
    tally.note(fault, message);
  }

  fetched(name: string, fetched: Fetched): void {
    const tally = this.#fetches.get(name) ?? new FetchTally(() => this.#runtime.now());
    this.#fetches.set(name, tally);
    tally.note(fetched);
  }

  lastExit(name: string): LastExit | null {
    return this.#lastExits.get(name) ?? null;
  }

  faults(name: string): FaultCount[] {
    return this.#faults.get(name)?.list() ?? [];
  }

  fetches(name: string): FetchCounts {
    const tally = this.#fetches.get(name) ?? new FetchTally(() => this.#runtime.now());
    return tally.counts();
  }

  forget(name: string): void {
    this.#lastExits.delete(name);
    this.#faults.delete(name);
    this.#fetches.delete(name);
  }
}
