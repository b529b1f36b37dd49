import { BlockList, SocketAddress } from 'node:net';
import { judgeAddress } from '@omniroute/server/outbound/address-verdict';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

// The registries of IANA once more, read by Node's own BlockList.
const specialIpv4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['168.63.129.16', 32],
] as const;
const specialIpv6 = [
  ['2001::', 23],
  ['2001::', 32],
  ['2001:2::', 48],
  ['2001:10::', 28],
  ['2001:20::', 28],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const;
const outsideIpv6 = [
  ['::', 128],
  ['::1', 128],
  ['::', 96],
  ['::ffff:0:0:0', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['100:0:0:1::', 64],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const;

const notPublicIpv4 = new BlockList();
for (const [net, prefix] of specialIpv4) notPublicIpv4.addSubnet(net, prefix, 'ipv4');
const notPublicIpv6 = new BlockList();
for (const [net, prefix] of specialIpv6) notPublicIpv6.addSubnet(net, prefix, 'ipv6');
const allocated = new BlockList();
allocated.addSubnet('2000::', 3, 'ipv6');

function isPublicIpv4(address: string): boolean {
  return !notPublicIpv4.check(address, 'ipv4');
}

/** For addresses that are neither mapped, NAT64 nor ISATAP. */
function isPublicIpv6(address: string): boolean {
  return allocated.check(address, 'ipv6') && !notPublicIpv6.check(address, 'ipv6');
}

function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}

function groups(value: bigint): string[] {
  return Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  );
}

function ipv4Number(text: string): number {
  return text.split('.').reduce((value, part) => value * 256 + Number(part), 0);
}

function ipv6Number(text: string): bigint {
  const full = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const [head = '', tail = ''] = full.split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail.split(':').filter(Boolean);
  const all = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return BigInt(`0x${all.map((group) => group.padStart(4, '0')).join('')}`);
}

const anyIpv4 = fc
  .oneof(
    fc.integer({ min: 0, max: 0xffff_ffff }),
    fc
      .tuple(fc.constantFrom(...specialIpv4), fc.integer({ min: 0, max: 0xffff_ffff }))
      .map(([[net, prefix], host]) => (ipv4Number(net) + (prefix === 32 ? 0 : host >>> prefix)) >>> 0),
  )
  .map(dotted);

const anyIpv6Number = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
  fc.bigInt({ min: 1n << 125n, max: (1n << 126n) - 1n }),
  fc
    .tuple(fc.constantFrom(...specialIpv6, ...outsideIpv6), fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }))
    .map(([[net, prefix], host]) => ipv6Number(net) + (prefix === 128 ? 0n : host >> BigInt(prefix))),
);

function isPlain(value: bigint): boolean {
  const isMapped = value >> 32n === 0xffffn;
  const isNat64 = value >> 32n === 0x64_ff9bn << 64n;
  const isIsatap = ((value >> 32n) & 0xfcff_ffffn) === 0x5efen;
  return !isMapped && !isNat64 && !isIsatap;
}

describe('an IPv4 address', () => {
  test.each(specialIpv4)('is judged right at the edges of %s/%i', (net, prefix) => {
    const first = ipv4Number(net);
    const last = first + 2 ** (32 - prefix) - 1;
    expect(judgeAddress(dotted(first))).toMatchObject({ allowed: false, reason: 'SPECIAL_RANGE' });
    expect(judgeAddress(dotted(last))).toMatchObject({ allowed: false, reason: 'SPECIAL_RANGE' });
    for (const beside of [first - 1, last + 1].filter((value) => value >= 0 && value <= 0xffff_ffff)) {
      expect([dotted(beside), judgeAddress(dotted(beside)).allowed]).toEqual([
        dotted(beside),
        isPublicIpv4(dotted(beside)),
      ]);
    }
  });

  test('is public unless it is in a special range', () => {
    fc.assert(
      fc.property(anyIpv4, (address) => judgeAddress(address).allowed === isPublicIpv4(address)),
      { numRuns: 3_000 },
    );
  });

  test.each(['192.31.196.1', '192.52.193.1', '192.175.48.1'])(
    'is public where IANA says so: %s',
    (address) => {
      expect(judgeAddress(address).allowed).toBe(true);
    },
  );
});

describe('an IPv6 address', () => {
  test.each([...specialIpv6, ...outsideIpv6, ['2000::', 3] as const])(
    'is judged right at the edges of %s/%i',
    (net, prefix) => {
      const first = ipv6Number(net);
      const last = first + (1n << BigInt(128 - prefix)) - 1n;
      for (const value of [first - 1n, first, last, last + 1n]) {
        if (value < 0n || value >> 128n > 0n || !isPlain(value)) continue;
        const address = groups(value).join(':');
        expect([address, judgeAddress(address).allowed]).toEqual([address, isPublicIpv6(address)]);
      }
    },
  );

  test('is public only in 2000::/3 and outside the special ranges of it', () => {
    fc.assert(
      fc.property(anyIpv6Number.filter(isPlain), (value) => {
        const address = groups(value).join(':');
        return judgeAddress(address).allowed === isPublicIpv6(address);
      }),
      { numRuns: 3_000 },
    );
  });

  test('is judged the same in every spelling', () => {
    fc.assert(
      fc.property(anyIpv6Number, anyIpv4, (prefix, ipv4) => {
        const value = ((prefix >> 32n) << 32n) | BigInt(ipv4Number(ipv4));
        const full = groups(value);
        const spellings = [
          full.join(':').toUpperCase(),
          full.map((group) => group.padStart(4, '0')).join(':'),
          `${full.slice(0, 6).join(':')}:${ipv4}`,
          new URL(`http://[${full.join(':')}]/`).hostname.slice(1, -1),
          new SocketAddress({ family: 'ipv6', address: full.join(':') }).address,
        ];
        const verdict = judgeAddress(full.join(':')).allowed;
        return spellings.every((spelling) => judgeAddress(spelling).allowed === verdict);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['mapped', '::ffff:'],
    ['NAT64', '64:ff9b::'],
    ['ISATAP, of a private site', '2606:4700::5efe:'],
    ['ISATAP, of a public site', '2606:4700::200:5efe:'],
  ])('that stands for an IPv4 address is as public as that: %s', (_, prefix) => {
    fc.assert(
      fc.property(anyIpv4, (ipv4) => judgeAddress(prefix + ipv4).allowed === isPublicIpv4(ipv4)),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['IPv4-compatible', (ipv4: string) => `::${ipv4}`],
    ['IPv4-translated', (ipv4: string) => `::ffff:0:${ipv4}`],
    ['local NAT64', (ipv4: string) => `64:ff9b:1::${ipv4}`],
    ['6to4', (ipv4: string) => groups((0x2002n << 112n) | (BigInt(ipv4Number(ipv4)) << 80n)).join(':')],
    ['Teredo', (ipv4: string) => `2001::${dotted(~ipv4Number(ipv4) >>> 0)}`],
    ['ISATAP, link-local', (ipv4: string) => `fe80::5efe:${ipv4}`],
  ])('of a form that no longer connects anything is not public: %s', (_, address) => {
    fc.assert(fc.property(anyIpv4, (ipv4) => !judgeAddress(address(ipv4)).allowed));
  });
});

test.each([
  '',
  'localhost',
  '1.2.3',
  '01.2.3.4',
  '1.2.3.4 ',
  '1.2.3.4/8',
  '[::1]',
  'fe80::1%eth0',
  '2606:4700::1%1',
  ':::',
  '1::2::3',
])('what is no address is not public: %j', (text) => {
  expect(judgeAddress(text)).toMatchObject({ allowed: false, reason: 'NOT_AN_ADDRESS' });
});
