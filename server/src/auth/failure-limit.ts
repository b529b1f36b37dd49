import { PluginError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';

const windowMs = 60_000;

/** At most `limit` failures a minute; beyond it every attempt is refused until the oldest one is a minute old. */
export class FailureLimit {
  readonly #limit: number;
  readonly #runtime: Runtime;
  #failures: number[] = [];

  constructor(limit: number, runtime: Runtime) {
    this.#limit = limit;
    this.#runtime = runtime;
  }

  /** Throws RATE_LIMITED, with `details.retryAfterSeconds`, once the limit is reached. */
  check(): void {
    const now = this.#runtime.now().getTime();
    this.#failures = this.#failures.filter((at) => at > now - windowMs);
    const oldest = this.#failures[0];
    if (oldest === undefined || this.#failures.length < this.#limit) return;
    const retryAfterSeconds = Math.max(1, Math.ceil((oldest + windowMs - now) / 1_000));
    throw new PluginError(
      'RATE_LIMITED',
      `Too many failed logins. Try again in ${retryAfterSeconds} seconds.`,
      {
        details: { retryAfterSeconds },
      },
    );
  }

  count(): void {
    this.#failures.push(this.#runtime.now().getTime());
  }
}
