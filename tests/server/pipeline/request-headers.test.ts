import { afterAll, beforeAll, expect, test } from 'vitest';
import { hostLines } from '../../helpers/recorded-calls.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { startUpstream, type TestUpstream } from '../../helpers/upstream.ts';

let upstream: TestUpstream;
let service: Service;

beforeAll(async () => {
  upstream = await startUpstream();
  service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await service.add('header-cases');
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

async function headersAfter(name: string) {
  const headers = { 'x-case': name, 'x-kept': 'given', authorization: 'Bearer sk-app' };
  await (await service.chat({ headers })).arrayBuffer();
  return upstream.requests.at(-1)?.headers ?? {};
}

test.each([
  ['adds', { 'x-added': 'yes', 'x-number': '7', 'x-kept': 'given' }],
  ['replaces', { 'x-kept': 'replaced' }],
  ['spreads what it got', { 'x-added': 'yes', 'x-kept': 'given' }],
  ['sets in place and returns them', { 'x-added': 'yes', 'x-kept': 'given' }],
  ['sets in place and returns ctx', { 'x-added': 'yes', 'x-kept': 'given' }],
])('a hook that %s headers changes what the upstream gets', async (name, expected) => {
  expect(await headersAfter(name)).toMatchObject({ ...expected, authorization: 'Bearer sk-app' });
});

test('a header that a hook sets to null is not sent', async () => {
  expect(await headersAfter('deletes')).not.toHaveProperty('x-kept');
});

test('a header that is set in place and not returned is not sent', async () => {
  expect(await headersAfter('sets in place only')).not.toHaveProperty('x-added');
});

test('headers of the connection and credentials are refused, and the log says so', async () => {
  const headers = await headersAfter('sets refused ones');
  expect(headers).toMatchObject({
    host: `127.0.0.1:${upstream.port}`,
    authorization: 'Bearer sk-app',
    'x-added': 'yes',
    'x-kept': 'given',
  });
  expect(headers['content-length']).toBe(String(upstream.requests.at(-1)?.body.length));
  expect(headers).not.toHaveProperty('cookie');
  expect(headers).not.toHaveProperty('transfer-encoding');
  expect((await hostLines(service, 'header-cases')).at(-1)).toBe(
    'onRequest may not set these headers: host, content-length, connection, transfer-encoding, authorization, cookie',
  );
});

test('a header cannot smuggle in another one', async () => {
  const headers = await headersAfter('splits a header');
  expect(headers).not.toHaveProperty('x-injected');
  expect((await hostLines(service, 'header-cases')).at(-1)).toContain(
    'onRequest failed (INVALID_RETURN, open)',
  );
});
