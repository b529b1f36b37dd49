import { inRange, type IpAddress, type IpRange, parseIpRange } from './ip-address.ts';

// IANA's registries: https://www.iana.org/assignments/iana-ipv4-special-registry and
// https://www.iana.org/assignments/iana-ipv6-special-registry. Listed is what they call not globally reachable, and
// what was deprecated since; a range that is reachable (AS112, AMT) is as public as any other. Inside 192.0.0.0/24 and
// 2001::/23 single services are reachable; none of them is a web server, so these ranges are whole.
const ipv4 = {
  '0.0.0.0/8': 'this network (RFC 791)',
  '10.0.0.0/8': 'private (RFC 1918)',
  '100.64.0.0/10': 'shared by carriers (RFC 6598)',
  '127.0.0.0/8': 'loopback (RFC 1122)',
  '168.63.129.16/32': 'the host of an Azure machine, inside public space',
  '169.254.0.0/16': 'link-local, cloud metadata (RFC 3927)',
  '172.16.0.0/12': 'private (RFC 1918)',
  '192.0.0.0/24': 'protocol assignments (RFC 6890)',
  '192.0.2.0/24': 'documentation (RFC 5737)',
  '192.88.99.0/24': '6to4 relays, deprecated (RFC 7526)',
  '192.168.0.0/16': 'private (RFC 1918)',
  '198.18.0.0/15': 'benchmarks (RFC 2544)',
  '198.51.100.0/24': 'documentation (RFC 5737)',
  '203.0.113.0/24': 'documentation (RFC 5737)',
  '224.0.0.0/4': 'multicast (RFC 5771)',
  '240.0.0.0/4': 'reserved, broadcast (RFC 1112)',
};

// Only those inside 2000::/3: outside of it nothing is global unicast
// (https://www.iana.org/assignments/ipv6-address-space).
const ipv6 = {
  '2001::/23': 'protocol assignments, Teredo, ORCHID (RFC 2928)',
  '2001:db8::/32': 'documentation (RFC 3849)',
  '2002::/16': '6to4, deprecated (RFC 7526)',
  '3fff::/20': 'documentation (RFC 9637)',
};

const special = Object.entries({ ...ipv4, ...ipv6 }).map(([cidr, meaning]) => ({
  cidr,
  meaning,
  range: parseIpRange(cidr),
}));

const globalUnicast: IpRange = parseIpRange('2000::/3');

const mapped = parseIpRange('::ffff:0:0/96'); // RFC 4291, 2.5.5.2
const nat64 = parseIpRange('64:ff9b::/96'); // RFC 6052, 2.1

/** The special range that holds an address, as `cidr: meaning`. */
export function specialRangeOf(address: IpAddress): string | undefined {
  const found = special.find(({ range }) => inRange(address, range));
  return found && `${found.cidr}: ${found.meaning}`;
}

export function isGlobalUnicast(address: IpAddress): boolean {
  return inRange(address, globalUnicast);
}

/** Whether the system takes an IPv6 address for the IPv4 address in its last 32 bits. */
export function isMapped(address: IpAddress): boolean {
  return inRange(address, mapped);
}

/** Whether a translator on the way does: where DNS64 serves, every host that only has IPv4 resolves to such an address. */
export function isNat64(address: IpAddress): boolean {
  return inRange(address, nat64);
}

/** Whether the interface id is one of ISATAP's, 0000:5efe or 0200:5efe before an IPv4 address (RFC 5214, 6.1). */
export function isIsatap({ family, value }: IpAddress): boolean {
  return family === 6 && ((value >> 32n) & 0xfcff_ffffn) === 0x5efen;
}
