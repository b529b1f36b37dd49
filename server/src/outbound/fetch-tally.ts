import type { FetchCounts } from '@omniroute/shared/plugin';
import type { Fetched } from './plugin-fetch.ts';

type HostCount = FetchCounts['hosts'][number];

const maxHosts = 50;
const maxMessageLength = 500;

/** What a plugin's processes asked for by `fetch` since the service started, and which hosts they asked last. */
export class FetchTally {
  readonly #now: () => Date;
  readonly #hosts = new Map<string, HostCount>();
  readonly #totals = { requests: 0, failed: 0, bytesSent: 0, bytesReceived: 0 };

  constructor(now: () => Date) {
    this.#now = now;
  }

  note({ host, failure, bytesSent, bytesReceived }: Fetched): void {
    this.#totals.requests += 1;
    if (failure) this.#totals.failed += 1;
    this.#totals.bytesSent += bytesSent;
    this.#totals.bytesReceived += bytesReceived;
    if (host === null) return;
    const known = this.#hosts.get(host);
    this.#hosts.delete(host);
    this.#hosts.set(host, {
      host,
      requests: (known?.requests ?? 0) + 1,
      failed: (known?.failed ?? 0) + (failure ? 1 : 0),
      lastAt: this.#now().toISOString(),
      lastFailure: failure
        ? `${failure.reason}: ${failure.message}`.slice(0, maxMessageLength)
        : (known?.lastFailure ?? null),
    });
    for (const oldest of this.#hosts.keys()) {
      if (this.#hosts.size <= maxHosts) break;
      this.#hosts.delete(oldest);
    }
  }

  /** Hosts that were asked last come first. */
  counts(): FetchCounts {
    return { ...this.#totals, hosts: [...this.#hosts.values()].reverse() };
  }
}
