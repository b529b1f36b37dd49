import { messageOf } from '../errors.ts';
import { judgeAddress } from './address-verdict.ts';
import { parseIpAddress } from './ip-address.ts';
import { OutboundError } from './outbound-error.ts';
import { untilAborted } from './until-aborted.ts';

export interface ResolvedAddress {
  address: string;
  family: number;
}

/** Looks a host name up; rejects where that fails. What it does after `signal` has aborted is nobody's concern. */
export type Resolve = (hostname: string, signal: AbortSignal) => Promise<readonly ResolvedAddress[]>;

interface Options {
  resolve: Resolve;
  deadlineMs: number;
  signal: AbortSignal;
}

/**
 * Every address of a host name, all of them public: one that is not refuses the name.
 *
 * @throws {OutboundError} DNS_FAILED for an error, an empty answer, or none within `deadlineMs`; URL_BLOCKED for an
 *   address that is not public, or none at all. The signal's reason, where that aborts.
 */
export async function resolvePublic(hostname: string, options: Options): Promise<readonly ResolvedAddress[]> {
  const addresses = await resolveHost(hostname, options);
  for (const { address } of addresses) {
    const verdict = judgeAddress(address);
    if (!verdict.allowed) {
      throw new OutboundError(verdict.reason, {
        detail: `${hostname} resolves to ${address}. ${verdict.message}`,
      });
    }
  }
  return addresses;
}

/** As {@link resolvePublic}, but whatever the addresses are: for hosts that the operator let through. */
export async function resolveHost(
  hostname: string,
  { resolve, deadlineMs, signal }: Options,
): Promise<readonly ResolvedAddress[]> {
  signal.throwIfAborted();
  const deadline = AbortSignal.timeout(deadlineMs);
  const stop = AbortSignal.any([signal, deadline]);
  let addresses: readonly ResolvedAddress[];
  try {
    addresses = await untilAborted(resolve(hostname, stop), stop);
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.aborted) throw new OutboundError('DNS_TIMEOUT', { detail: hostname, cause: error });
    throw new OutboundError('DNS_ERROR', { detail: `${hostname}: ${messageOf(error)}`, cause: error });
  }
  if (addresses.length === 0) throw new OutboundError('DNS_EMPTY', { detail: hostname });
  const unreadable = addresses.find(({ address, family }) => parseIpAddress(address)?.family !== family);
  if (unreadable) {
    throw new OutboundError('UNREADABLE_ADDRESS', {
      detail: `${hostname} resolves to ${JSON.stringify(unreadable)}`,
    });
  }
  return addresses;
}
