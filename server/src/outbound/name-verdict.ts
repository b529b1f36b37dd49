// Zones that do not lead to the public DNS, whatever resolves them.
const refusedZones = [
  // IANA's special-use names: https://www.iana.org/assignments/special-use-domain-names
  ...'localhost local invalid test example onion alt arpa'.split(' '),
  // Never delegated, because networks use them: RFC 6762, appendix G; ICANN for .internal, .corp, .home and .mail
  ...'internal intranet private corp home lan mail'.split(' '),
  // What systems and clusters ship with
  ...'localdomain intra svc default consul'.split(' '),
  // Metadata services that have a public-looking name
  ...'metadata.goog metadata.tencentyun.com metadata.packet.net metadata.platformequinix.com'.split(' '),
];

export const nameBlockReasons = ['MALFORMED_NAME', 'SINGLE_LABEL', 'NOT_A_PUBLIC_NAME'] as const;
export type NameBlockReason = (typeof nameBlockReasons)[number];

/**
 * Why a host name is not one of the public DNS; undefined for one that may be, which its addresses decide.
 *
 * @param name as the URL parser left it: lower case, punycode; without a trailing dot
 */
export function nameBlockReason(name: string): NameBlockReason | undefined {
  const labels = name.split('.');
  if (name.length > 253 || !labels.every((label) => /^[a-z0-9_-]{1,63}$/.test(label)))
    return 'MALFORMED_NAME';
  if (labels.length === 1) return 'SINGLE_LABEL';
  // Top-level domains are letters (RFC 3696, 2): a host ending in a number is an address that the parser let pass.
  if (!/^([a-z]+|xn--[a-z0-9-]+)$/.test(labels.at(-1) ?? '')) return 'MALFORMED_NAME';
  const refused = refusedZones.some((zone) => name === zone || name.endsWith(`.${zone}`));
  return refused ? 'NOT_A_PUBLIC_NAME' : undefined;
}
