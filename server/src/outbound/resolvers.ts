import { promises } from 'node:dns';
import type { Resolve } from './resolve-public.ts';

// c-ares doubles it for the second try: both end within the deadline of 3 s.
const queryTimeoutMs = 900;

/**
 * Asks the DNS for A and AAAA records, and nothing else: no hosts file, no search list. Unlike the system's look-up it
 * needs no thread of the pool, which a name server that does not answer would keep from the rest of the service.
 * One kind of record that cannot be had is as good as none, where the other kind can.
 */
export function queryDns(
  newResolver = () => new promises.Resolver({ timeout: queryTimeoutMs, tries: 2 }),
): Resolve {
  return async (hostname, signal) => {
    const resolver = newResolver();
    const cancel = () => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const [ipv4, ipv6] = await Promise.allSettled([
        resolver.resolve4(hostname),
        resolver.resolve6(hostname),
      ]);
      if (ipv4.status === 'rejected' && ipv6.status === 'rejected') throw ipv4.reason;
      return [
        ...(ipv4.status === 'fulfilled' ? ipv4.value : []).map((address) => ({ address, family: 4 })),
        ...(ipv6.status === 'fulfilled' ? ipv6.value : []).map((address) => ({ address, family: 6 })),
      ];
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  };
}

/** Looks up as every program of this machine does, hosts file included: for hosts that the operator let through. */
export const lookUp: Resolve = (hostname) => promises.lookup(hostname, { all: true });
