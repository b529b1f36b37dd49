import { type IpAddress, lowIpv4, parseIpAddress } from './ip-address.ts';
import { isGlobalUnicast, isIsatap, isMapped, isNat64, specialRangeOf } from './special-ranges.ts';

export const addressBlockReasons = [
  'NOT_AN_ADDRESS',
  'SPECIAL_RANGE',
  'NOT_GLOBAL_UNICAST',
  'EMBEDDED_IPV4',
] as const;
export type AddressBlockReason = (typeof addressBlockReasons)[number];

export type AddressVerdict =
  | { allowed: true; address: IpAddress }
  | { allowed: false; reason: AddressBlockReason; message: string };

/**
 * Whether an address is one of the public Internet's. IPv4: outside the special ranges. IPv6: inside 2000::/3 and
 * outside them. Where an IPv6 address stands for an IPv4 address, that is judged: mapped and NAT64 addresses are as
 * public as it is, one with ISATAP's interface id must be public both ways. The other forms that embed one
 * (IPv4-compatible, -translated, 6to4, Teredo) are not public at all.
 *
 * @param text an address without brackets; `message` says what is wrong with it, for the log
 */
export function judgeAddress(text: string): AddressVerdict {
  const address = parseIpAddress(text);
  if (!address) return refuse('NOT_AN_ADDRESS', 'it is no IP address');
  if (isMapped(address) || isNat64(address)) return embedded(address);
  const range = specialRangeOf(address);
  if (range !== undefined) return refuse('SPECIAL_RANGE', range);
  if (address.family === 4) return { allowed: true, address };
  if (!isGlobalUnicast(address)) return refuse('NOT_GLOBAL_UNICAST', 'it is outside 2000::/3');
  return isIsatap(address) ? embedded(address) : { allowed: true, address };
}

function embedded(address: IpAddress): AddressVerdict {
  const range = specialRangeOf(lowIpv4(address));
  return range === undefined
    ? { allowed: true, address }
    : refuse('EMBEDDED_IPV4', `it embeds an IPv4 address in ${range}`);
}

function refuse(reason: AddressBlockReason, why: string): AddressVerdict {
  return { allowed: false, reason, message: `The address is not public: ${why}.` };
}
