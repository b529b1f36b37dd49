import type { FaultCount } from '@omniroute/shared/plugin';
import type { ProcessFault } from '@omniroute/shared/process-fault';

const maxMessageLength = 500;

/** How often a plugin's processes showed each fault since the service started. */
export class FaultTally {
  readonly #counts = new Map<ProcessFault, FaultCount>();
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  note(fault: ProcessFault, message: string): void {
    const count = (this.#counts.get(fault)?.count ?? 0) + 1;
    this.#counts.delete(fault);
    const lastAt = this.#now().toISOString();
    this.#counts.set(fault, { fault, count, lastAt, message: message.slice(0, maxMessageLength) });
  }

  /** The latest first. */
  list(): FaultCount[] {
    return [...this.#counts.values()].reverse();
  }
}
