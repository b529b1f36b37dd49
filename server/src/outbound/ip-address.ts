import { isIPv4, isIPv6 } from 'node:net';

/** An address by number, so that no spelling of it matters. */
export interface IpAddress {
  family: 4 | 6;
  value: bigint;
}

export interface IpRange {
  family: 4 | 6;
  first: bigint;
  last: bigint;
}

/** Reads an address in any spelling of RFC 4291 or dotted decimal; null for anything else, zone ids included. */
export function parseIpAddress(text: string): IpAddress | null {
  if (isIPv4(text)) return { family: 4, value: numberOf(text.split('.'), 10, 8n) };
  if (!isIPv6(text) || text.includes('%')) return null;
  return { family: 6, value: ipv6Value(text) };
}

/** Reads `address/prefix length`. Throws on text that is none: ranges are written in the source, not given. */
export function parseIpRange(cidr: string): IpRange {
  const [text = '', length = ''] = cidr.split('/');
  const address = parseIpAddress(text);
  if (!address || !/^\d+$/.test(length)) throw new Error(`${cidr} is no address range`);
  const hostBits = BigInt(address.family === 4 ? 32 : 128) - BigInt(length);
  const first = (address.value >> hostBits) << hostBits;
  return { family: address.family, first, last: first + (1n << hostBits) - 1n };
}

export function inRange(address: IpAddress, range: IpRange): boolean {
  return address.family === range.family && address.value >= range.first && address.value <= range.last;
}

/** The last 32 bits as an IPv4 address: where mapped, NAT64 and ISATAP addresses keep one. */
export function lowIpv4({ value }: IpAddress): IpAddress {
  return { family: 4, value: value & 0xffff_ffffn };
}

function ipv6Value(text: string): bigint {
  const hex = text.replace(/[\d.]*\.[\d.]*$/, (dotted) => {
    const value = numberOf(dotted.split('.'), 10, 8n);
    return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
  });
  const [head = '', tail] = hex.split('::');
  const left = groupsOf(head);
  const right = groupsOf(tail ?? '');
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  return numberOf([...left, ...zeros, ...right], 16, 16n);
}

function groupsOf(text: string): string[] {
  return text === '' ? [] : text.split(':');
}

function numberOf(groups: readonly string[], radix: number, bits: bigint): bigint {
  return groups.reduce((value, group) => (value << bits) | BigInt(Number.parseInt(group, radix)), 0n);
}
