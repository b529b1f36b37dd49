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

/** The upstream that is configured now: the environment's, the settings', or the embedded one. */
export class UpstreamSelector {
  readonly #options: Options;
  #current: Upstream;
  #key = '';

  constructor(options: Options) {
    this.#options = options;
    this.#current = options.embedded;
  }

  get current(): Upstream {
    return this.#current;
  }

  /** Follows the settings. Requests in flight end on the upstream that they started on. */
  configure(settings: Pick<Settings, 'upstreamBaseUrl' | 'upstreamApiKey'>): void {
    const { fixed, embedded, ownPort, logger } = this.#options;
    const baseUrl = fixed.url ?? settings.upstreamBaseUrl;
    const apiKey = fixed.apiKey ?? settings.upstreamApiKey;
    const key = JSON.stringify([baseUrl, apiKey]);
    if (key === this.#key) return;
    this.#key = key;
    const before = this.#current;
    this.#current = baseUrl === null ? embedded : new HttpUpstream({ baseUrl, apiKey, ownPort });
    before.close().catch((error: unknown) => logger.warn({ err: error }, 'upstream.close-failed'));
  }

  async close(): Promise<void> {
    await this.#current.close();
  }
}
