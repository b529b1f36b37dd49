import { judgeUrl } from '@omniroute/server/outbound/url-verdict';
import { describe, expect, test } from 'vitest';
import { ssrfCases } from './ssrf-cases.ts';

// Two answers are defensible for these: a public IPv4 address in another spelling is judged as that (decision 24).
const otherwise = new Set(['embedded-203', 'embedded-215']);

describe('the verdict on a URL', () => {
  test.each(ssrfCases.url)('$id: $url', ({ id, url, expected, ambiguous }) => {
    const isOtherwise = ambiguous === true && otherwise.has(id);
    expect(judgeUrl(url).allowed).toBe((expected === 'allow') !== isOtherwise);
  });

  test('is on what will be asked: the dot of an absolute name and the fragment are gone', () => {
    const verdict = judgeUrl('https://Registry.Example.com.:8443/a?b#c');
    expect(verdict).toMatchObject({ allowed: true, hostname: 'registry.example.com', isAddress: false });
    expect(verdict.allowed && verdict.url.href).toBe('https://registry.example.com:8443/a?b');
  });

  test('has the address of an IPv6 host without brackets', () => {
    expect(judgeUrl('https://[2606:4700:4700:0::1111]/')).toMatchObject({
      hostname: '2606:4700:4700::1111',
      isAddress: true,
    });
  });

  test.each([
    ['http://8.8.8.8../', 'MALFORMED_NAME'],
    ['http://1.1../', 'MALFORMED_NAME'],
    ['http://example.com../', 'MALFORMED_NAME'],
    ['http://a..example.com/', 'MALFORMED_NAME'],
    ['http://.example.com/', 'MALFORMED_NAME'],
    ['http://example.c0m/', 'MALFORMED_NAME'],
    ['http://exa!mple.com/', 'MALFORMED_NAME'],
    [`http://${'a'.repeat(64)}.com/`, 'MALFORMED_NAME'],
    [`http://${'a.'.repeat(130)}com/`, 'MALFORMED_NAME'],
    ['http://localhost', 'SINGLE_LABEL'],
    ['http://com./', 'SINGLE_LABEL'],
    ['http://a.LOCAL/', 'NOT_A_PUBLIC_NAME'],
    ['http://localhost.localdomain/', 'NOT_A_PUBLIC_NAME'],
    ['http://kubernetes.default.svc/', 'NOT_A_PUBLIC_NAME'],
    ['http://sub.metadata.goog/', 'NOT_A_PUBLIC_NAME'],
    ['http://x.example/', 'NOT_A_PUBLIC_NAME'],
    ['https://user@example.com/', 'CREDENTIALS'],
    ['https://:password@example.com/', 'CREDENTIALS'],
    ['https://example.com:0/', 'PORT_ZERO'],
    ['https://example.com:65536/', 'NOT_A_URL'],
    ['ws://example.com/', 'NOT_HTTP'],
    [`https://example.com/${'a'.repeat(17_000)}`, 'TOO_LONG'],
    ['http://[2001:db8::1]/', 'SPECIAL_RANGE'],
    ['http://[::1]/', 'NOT_GLOBAL_UNICAST'],
    ['http://[::ffff:10.0.0.1]/', 'EMBEDDED_IPV4'],
  ])('%s is refused as %s', (url, reason) => {
    expect(judgeUrl(url)).toEqual({ allowed: false, reason, message: expect.stringMatching(/^[A-Z].*\.$/) });
  });

  test.each([
    'https://example.com/',
    'https://xn--mnchen-3ya.xn--p1ai/',
    'https://a_b.example.com/',
    'https://internal.example.com/',
  ])('%s may be looked up', (url) => {
    expect(judgeUrl(url)).toMatchObject({ allowed: true, isException: false });
  });

  test('lets an exception through by host, never by scheme, credentials or port 0', () => {
    const judge = (url: string) => judgeUrl(url, () => true);
    expect(judge('http://127.0.0.1:8080/')).toMatchObject({
      allowed: true,
      isAddress: true,
      isException: true,
    });
    expect(judge('http://registry/')).toMatchObject({ allowed: true, isAddress: false, isException: true });
    expect(judge('ftp://registry/')).toMatchObject({ reason: 'NOT_HTTP' });
    expect(judge('http://a:b@registry/')).toMatchObject({ reason: 'CREDENTIALS' });
    expect(judge('http://registry:0/')).toMatchObject({ reason: 'PORT_ZERO' });
  });
});
