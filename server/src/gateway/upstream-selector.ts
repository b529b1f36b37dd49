import type { Settings } from '@omniroute/shared/settings';
import type { Logger } from '../logger.ts';
import { HttpUpstream } from './http-upstream.ts';
import type { Upstream } from './upstream.ts';

interface Options {
  /** From the environment; they win over the stored settings. */
  fixed: { url: string | null; apiKey: string | null };
  embedded: Upstream;
  ownPort: () => number;
  logger: Logger;
}

/** An upstream for the time of one request. */
interface Lease extends Disposable {
  readonly upstream: Upstream;
}

/** The upstream that is configured now: the environment's, the settings', or the embedded one. */
export class UpstreamSelector {
  readonly #options: Options;
  #current: Upstream;
  #key = '';
  readonly #users = new Map<Upstream, number>();

  constructor(options: Options) {
    this.#options = options;
    this.#current = options.embedded;
  }

  /** The request that holds it ends on the upstream that it started on, whatever the settings say meanwhile. */
  lease(): Lease {
    const upstream = this.#current;
    this.#users.set(upstream, (this.#users.get(upstream) ?? 0) + 1);
    return { upstream, [Symbol.dispose]: () => this.#release(upstream) };
  }

  /** Follows the settings. */
  configure(settings: Pick<Settings, 'upstreamBaseUrl' | 'upstreamApiKey'>): void {
    const { fixed, embedded, ownPort } = this.#options;
    const baseUrl = fixed.url ?? settings.upstreamBaseUrl;
    const apiKey = fixed.apiKey ?? settings.upstreamApiKey;
    const key = JSON.stringify([baseUrl, apiKey]);
    if (key === this.#key) return;
    this.#key = key;
    const before = this.#current;
    this.#current = baseUrl === null ? embedded : new HttpUpstream({ baseUrl, apiKey, ownPort });
    if (!this.#users.has(before)) this.#retire(before);
  }

  async close(): Promise<void> {
    await this.#current.close();
  }

  #release(upstream: Upstream): void {
    const users = (this.#users.get(upstream) ?? 0) - 1;
    if (users > 0) {
      this.#users.set(upstream, users);
      return;
    }
    this.#users.delete(upstream);
    if (upstream !== this.#current) this.#retire(upstream);
  }

  #retire(upstream: Upstream): void {
    const { logger } = this.#options;
    upstream.close().catch((error: unknown) => logger.warn({ err: error }, 'upstream.close-failed'));
  }
}
