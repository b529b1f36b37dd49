import { type IpAddress, lowIpv4, parseIpAddress } from './ip-address.ts';
import { isMapped } from './special-ranges.ts';

/** A mapped address and its IPv4 address are one: which of them a socket reports depends on the system. */
export function canonicalAddress(text: string): IpAddress | null {
  const address = parseIpAddress(text);
  return address && isMapped(address) ? lowIpv4(address) : address;
}

/** Whether two texts are one IP address. */
export function isSameAddress(one: string, other: string): boolean {
  const first = canonicalAddress(one);
  const second = canonicalAddress(other);
  return first !== null && second !== null && first.family === second.family && first.value === second.value;
}
