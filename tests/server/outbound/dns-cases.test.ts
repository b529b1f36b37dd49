import type { Resolve } from '@omniroute/server/outbound/resolve-public';
import { judgeAddress } from '@omniroute/server/outbound/address-verdict';
import { OutboundError } from '@omniroute/server/outbound/outbound-error';
import { beforeAll, expect, test } from 'vitest';
import { failureOf, limits, publicAddress, startInternet, trustTestCertificate } from './internet.ts';
import { type Lookup, ssrfCases } from './ssrf-cases.ts';

beforeAll(trustTestCertificate);

/** Answers as told, one look-up after the other. */
function answering(lookups: readonly Lookup[]): Resolve {
  const left = [...lookups];
  return async (_hostname, signal) => {
    const next = left.shift() ?? [];
    if (Array.isArray(next)) return next;
    if ('error' in next) throw Object.assign(new Error(next.error), { code: next.error });
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('given up')));
    });
  };
}

test.each(ssrfCases.dns)('$id: $url', async ({ url, lookups, expected, mustConnectTo, redirect }) => {
  await using internet = await startInternet();
  internet.resolve = answering(lookups);
  if (redirect !== undefined) {
    internet.answer = (request, response) => {
      if (request.url === new URL(redirect).pathname) response.end('ok');
      else response.writeHead(302, { location: redirect }).end();
    };
  }
  const outcomes = new Set<string>();
  const requests = redirect === undefined ? lookups.length : 1;
  for (let number = 0; number < requests; number += 1) {
    try {
      await using answer = await internet.request({ ...limits, url });
      outcomes.add(answer.status === 200 ? 'allow' : 'error');
    } catch (error) {
      outcomes.add(error instanceof OutboundError && error.code === 'URL_BLOCKED' ? 'block' : String(error));
    }
  }
  if (expected === 'allow') expect([...outcomes]).toEqual(['allow']);
  else if (expected === 'error')
    expect([...outcomes]).toEqual([expect.stringContaining('cannot be resolved')]);
  else expect([...outcomes]).toContain('block');
  expect(internet.dialled.filter((address) => !judgeAddress(address).allowed)).toEqual([]);
  if (mustConnectTo !== undefined) expect([...new Set(internet.dialled)]).toEqual([mustConnectTo]);
});

test('the dot of an absolute name is sent to nobody', async () => {
  await using internet = await startInternet();
  await using answer = await internet.request({ ...limits, url: 'https://registry.example.com./r.json' });
  expect(answer.status).toBe(200);
  expect(internet.visits).toMatchObject([
    { url: 'https://registry.example.com/r.json', serverName: 'registry.example.com' },
  ]);
});

test.each([
  ['of the other family', { address: '140.82.112.3', family: 6 }],
  ['without a family', { address: '140.82.112.3', family: 0 }],
  ['that is a name', { address: 'registry.example.org', family: 4 }],
  ['with a zone', { address: '2606:4700:4700::1111%eth0', family: 6 }],
])('a name with an address %s is refused', async (_, address) => {
  await using internet = await startInternet();
  internet.resolve = async () => [publicAddress, address];
  expect(
    await failureOf(internet.request({ ...limits, url: 'https://registry.example.org/' })),
  ).toMatchObject({
    code: 'URL_BLOCKED',
    reason: 'UNREADABLE_ADDRESS',
  });
  expect(internet.dialled).toEqual([]);
});
