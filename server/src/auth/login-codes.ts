import type { Runtime } from '../runtime.ts';
import { newSecret, secretHash } from './secret.ts';

const lifetimeMs = 10 * 60_000;
const maxOpenCodes = 20;

/** One-time login codes. They live in memory only: a restart voids them. */
export class LoginCodes {
  readonly #runtime: Runtime;
  readonly #expiryByHash = new Map<string, number>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  create(): { code: string; expiresAt: Date } {
    this.#dropExpired();
    const [oldest] = this.#expiryByHash.keys();
    if (oldest !== undefined && this.#expiryByHash.size >= maxOpenCodes) this.#expiryByHash.delete(oldest);
    const code = newSecret();
    const expiresAt = new Date(this.#runtime.now().getTime() + lifetimeMs);
    this.#expiryByHash.set(secretHash(code), expiresAt.getTime());
    return { code, expiresAt };
  }

  /** True once for each code, within its ten minutes. The lookup is by hash, so its timing tells nothing. */
  redeem(code: string): boolean {
    this.#dropExpired();
    return this.#expiryByHash.delete(secretHash(code));
  }

  #dropExpired(): void {
    const now = this.#runtime.now().getTime();
    for (const [hash, expiry] of this.#expiryByHash) {
      if (expiry <= now) this.#expiryByHash.delete(hash);
    }
  }
}
