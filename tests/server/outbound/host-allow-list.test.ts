import { HostAllowList } from '@omniroute/server/outbound/host-allow-list';
import { expect, test } from 'vitest';

test.each<[string, string, boolean]>([
  ['api.example.com', 'https://api.example.com/v1', true],
  ['api.example.com', 'http://API.example.com:8080/', true],
  ['API.Example.com', 'https://api.example.com/', true],
  ['api.example.com', 'https://api.example.com./', true],
  ['api.example.com', 'https://www.api.example.com/', false],
  ['api.example.com', 'https://example.com/', false],
  ['api.example.com', 'https://api.example.com.attacker.net/', false],
  ['api.example.com', 'https://attacker.net/?api.example.com', false],
  ['api.example.com:8443', 'https://api.example.com:8443/', true],
  ['api.example.com:8443', 'https://api.example.com/', false],
  ['api.example.com:443', 'https://api.example.com/', true],
  ['api.example.com:443', 'http://api.example.com/', false],
  ['api.example.com:080', 'http://api.example.com/', true],
  ['*.example.com', 'https://api.example.com/', true],
  ['*.example.com', 'https://a.b.example.com/', true],
  ['*.example.com', 'https://example.com/', false],
  ['*.example.com', 'https://notexample.com/', false],
  ['*.example.com:444', 'https://api.example.com:444/', true],
  ['*.example.com:444', 'https://api.example.com/', false],
  ['10.0.0.5:8080', 'http://10.0.0.5:8080/', true],
  ['10.0.0.5', 'http://0xa000005/', true],
  ['10.0.0.5', 'http://[::ffff:10.0.0.5]/', false],
  ['[2001:DB8:0::1]:80', 'http://[2001:db8::1]/', true],
  ['*', 'https://api.example.com/', false],
  ['https://api.example.com', 'https://api.example.com/', false],
])('%s and %s: %s', (pattern, url, isIncluded) => {
  expect(new HostAllowList([pattern]).includes(new URL(url))).toBe(isIncluded);
});

test('a host below a wildcard is included, and not named', () => {
  const list = new HostAllowList(['*.example.com', 'other.com']);
  expect(list.names(new URL('https://api.example.com/'))).toBe(false);
  expect(list.names(new URL('https://other.com/'))).toBe(true);
});
