import { OutboundError } from '@omniroute/server/outbound/outbound-error';
import { readAnswer } from '@omniroute/server/outbound/guarded-request';
import type { Headers } from '@omniroute/server/outbound/header-list';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  failureOf,
  type Internet,
  limits,
  publicAddress,
  startInternet,
  trustTestCertificate,
} from './internet.ts';
import { ssrfCases } from './ssrf-cases.ts';

beforeAll(trustTestCertificate);

type Redirects = readonly (readonly [from: string, status: number, to: string | null])[];

function redirecting(internet: Internet, chain: Redirects): void {
  internet.answer = (_request, response) => {
    const found = chain.find(([from]) => from === internet.visits.at(-1)?.url);
    const [, status, location] = found ?? ['', 200, null];
    response.writeHead(status, location === null ? {} : { location }).end();
  };
}

const start = 'https://registry.example.org/start';

describe('redirects', () => {
  test.each(ssrfCases.redirects)('$id', async ({ chain, dns = {}, expected }) => {
    await using internet = await startInternet();
    redirecting(internet, chain);
    internet.resolve = async (hostname) =>
      dns[hostname]?.map((address) => ({ address, family: 4 })) ?? [publicAddress];
    const url = chain[0]?.[0] ?? '';
    let outcome: string;
    try {
      await using answer = await internet.request({ ...limits, url });
      // What answers neither with a document nor with a redirect that is followed is an error to the caller.
      outcome = answer.status < 300 ? 'allow' : 'error';
    } catch (error) {
      outcome = error instanceof OutboundError && error.code === 'URL_BLOCKED' ? 'block' : 'error';
    }
    expect(outcome).toBe(expected);
    expect(new Set(internet.dialled)).toEqual(new Set([publicAddress.address]));
    expect(internet.visits.length).toBeLessThanOrEqual(4);
  });

  test.each([
    ['http', 'http://127.0.0.1/', 'SPECIAL_RANGE'],
    ['http', 'http://[::1]/', 'NOT_GLOBAL_UNICAST'],
    ['http', '//0x7f.1/', 'SPECIAL_RANGE'],
    ['http', 'http://localhost/', 'SINGLE_LABEL'],
    ['http', 'http://rebound.example.org/', 'SPECIAL_RANGE'],
    ['https', 'https://169.254.169.254/latest/', 'SPECIAL_RANGE'],
    ['https', 'https://rebound.example.org/', 'SPECIAL_RANGE'],
    ['https', 'http://cdn.example.net/', 'HTTPS_TO_HTTP'],
  ])('from %s to %s are judged like a first request', async (scheme, to, reason) => {
    await using internet = await startInternet();
    const url = `${scheme}://registry.example.org/start`;
    redirecting(internet, [[url, 302, to]]);
    internet.resolve = async (hostname) =>
      hostname.startsWith('rebound') ? [{ address: '10.0.0.5', family: 4 }] : [publicAddress];
    expect(await failureOf(internet.request({ ...limits, url }))).toMatchObject({
      code: 'URL_BLOCKED',
      reason,
    });
    expect(internet.visits).toHaveLength(1);
    expect(internet.dialled).toEqual([publicAddress.address]);
  });

  test('are followed as often as is allowed, and no further', async () => {
    await using internet = await startInternet();
    internet.answer = (request, response) => {
      const number = Number(request.url?.slice(2));
      if (number > 0) response.writeHead(302, { location: `?${number - 1}` });
      response.end('here');
    };
    const url = 'https://registry.example.org/?';
    const answer = await internet.request({ ...limits, url: `${url}3` });
    expect(answer).toMatchObject({ status: 200, url: `${url}0` });
    expect(String(await readAnswer(answer))).toBe('here');
    expect(await failureOf(internet.request({ ...limits, url: `${url}4` }))).toMatchObject({
      code: 'BAD_STATUS',
      reason: 'TOO_MANY_REDIRECTS',
    });
    expect(internet.visits).toHaveLength(8);
  });

  test.each([301, 302, 303, 307, 308])('are an error where none are wanted: %i', async (status) => {
    await using internet = await startInternet();
    redirecting(internet, [[start, status, 'https://registry.example.org/end']]);
    expect(await failureOf(internet.request({ ...limits, redirect: 'none', url: start }))).toMatchObject({
      code: 'BAD_STATUS',
      reason: 'REDIRECTED',
    });
    expect(internet.visits).toHaveLength(1);
  });

  test('are an answer where the caller sees to them', async () => {
    await using internet = await startInternet();
    redirecting(internet, [[start, 302, 'http://127.0.0.1/']]);
    await using answer = await internet.request({ ...limits, redirect: 'manual', url: start });
    expect(answer).toMatchObject({ status: 302, url: start });
    expect(answer.headers).toContainEqual(['location', 'http://127.0.0.1/']);
    expect(internet.visits).toHaveLength(1);
  });

  test.each<[number, string, string, string]>([
    [301, 'POST', 'GET', ''],
    [302, 'POST', 'GET', ''],
    [303, 'POST', 'GET', ''],
    [303, 'PUT', 'GET', ''],
    [302, 'PUT', 'PUT', 'body'],
    [307, 'POST', 'POST', 'body'],
    [308, 'POST', 'POST', 'body'],
  ])('%i turns a %s into a %s', async (status, method, then, body) => {
    await using internet = await startInternet();
    redirecting(internet, [[start, status, '/end']]);
    const headers: Headers = [['content-type', 'text/plain']];
    await using answer = await internet.request({
      ...limits,
      url: start,
      method,
      headers,
      body: Buffer.from('body'),
    });
    expect(answer.status).toBe(200);
    expect(internet.visits[1]).toMatchObject({ url: 'https://registry.example.org/end', method: then, body });
    expect(internet.visits[1]?.headers['content-type']).toBe(then === 'GET' ? undefined : 'text/plain');
  });

  const credentials: Headers = [
    ['authorization', 'Bearer secret'],
    ['cookie', 'a=b'],
    ['x-api-key', 'secret'],
    ['x-whatever', 'secret'],
    ['accept', 'application/json'],
  ];

  test.each([
    ['another host', 'https://cdn.example.org/end'],
    ['another port', 'https://registry.example.org:8443/end'],
  ])('to %s take no header along that may be a credential', async (_, to) => {
    await using internet = await startInternet();
    redirecting(internet, [
      [start, 302, to],
      [to, 302, 'https://registry.example.org/back'],
    ]);
    // Ports other than 443 are plain HTTP in this Internet.
    const redirect = { follow: to.includes('8443') ? 1 : 2 };
    await internet.request({ ...limits, redirect, url: start, headers: credentials }).catch(() => undefined);
    expect(internet.visits[0]?.headers).toMatchObject(Object.fromEntries(credentials));
    for (const { headers } of internet.visits.slice(1)) {
      expect(headers).toMatchObject({ accept: 'application/json' });
      expect(JSON.stringify(headers)).not.toContain('secret');
      expect(headers).not.toHaveProperty('cookie');
    }
  });

  test('to the same origin keep the headers', async () => {
    await using internet = await startInternet();
    redirecting(internet, [[start, 302, '/end']]);
    await using answer = await internet.request({ ...limits, url: start, headers: credentials });
    expect(answer.status).toBe(200);
    expect(internet.visits[1]?.headers).toMatchObject(Object.fromEntries(credentials));
  });

  test.each(['http://[', 'https://a:b@registry.example.org/', 'file:///etc/passwd', '//localhost/'])(
    'to %s lead nowhere',
    async (location) => {
      await using internet = await startInternet();
      redirecting(internet, [[start, 302, location]]);
      expect(await failureOf(internet.request({ ...limits, url: start }))).toBeInstanceOf(OutboundError);
      expect(internet.visits).toHaveLength(1);
    },
  );

  test('with two locations lead nowhere', async () => {
    await using internet = await startInternet();
    internet.answer = (_request, response) => {
      response.writeHead(302, [
        ['location', '/one'],
        ['location', '/two'],
      ]);
      response.end();
    };
    expect(await failureOf(internet.request({ ...limits, url: start }))).toMatchObject({
      reason: 'REDIRECT_TO_NOWHERE',
    });
  });
});
