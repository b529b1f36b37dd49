import { type AccessClass, gatewayRefusal, localRefusal } from '@omniroute/server/http/access';
import { isLoopbackAddress } from '@omniroute/server/loopback';
import { describe, expect, test } from 'vitest';

const port = 20_128;
const ownHost = ['Host', `localhost:${port}`];

function refusal(
  headers: string[],
  peer = '127.0.0.1',
  method = 'GET',
  access: Exclude<AccessClass, 'gateway'> = 'manage',
) {
  return localRefusal({ method, peer, rawHeaders: headers, port }, access)?.code ?? null;
}

describe('only this machine is local', () => {
  test.each([
    ['A1', '127.0.0.1'],
    ['A2', '::1'],
    ['A2 in full', '0:0:0:0:0:0:0:1'],
    ['A3', '::ffff:127.0.0.1'],
    ['A4 by number', '::ffff:7f00:1'],
    ['A5', '127.8.9.1'],
  ])('%s: %s is', (_id, peer) => {
    expect(isLoopbackAddress(peer)).toBe(true);
    expect(refusal(ownHost, peer)).toBeNull();
  });

  test.each([
    ['A4', '::ffff:192.168.1.5'],
    ['A6', '192.168.1.5'],
    ['A6', 'fe80::1'],
    ['a name', 'localhost'],
    ['nothing', ''],
    ['a longer number', '127.0.0.1.5'],
  ])('%s: %s is not', (_id, peer) => expect(refusal(ownHost, peer)).toBe('LOCAL_ONLY'));

  test('a socket that is gone is not', () => {
    expect(localRefusal({ method: 'GET', peer: undefined, rawHeaders: ownHost, port }, 'local')?.code).toBe(
      'LOCAL_ONLY',
    );
  });

  test.each([
    ['A6', ['X-Forwarded-For', '127.0.0.1']],
    ['A7', ['X-Real-IP', '127.0.0.1']],
    ['A7', ['Forwarded', 'for=127.0.0.1']],
    ['A7', ['True-Client-IP', '127.0.0.1']],
    ['A8', ['Host', `localhost:${port}`]],
  ])('%s: a peer of the network stays one, whatever its %s', (_id, header) => {
    expect(refusal([...(header[0] === 'Host' ? [] : ownHost), ...header], '192.168.1.5')).toBe('LOCAL_ONLY');
  });
});

describe('the gateway on the network', () => {
  const key = 'gateway-key-of-the-test';
  const facts = (headers: string[], method = 'GET') => ({
    method,
    peer: '192.168.1.5',
    rawHeaders: headers,
    port,
  });
  const verdict = (headers: string[], method = 'GET') =>
    gatewayRefusal(facts(['Host', 'gateway.lan', ...headers], method), { key, exposed: true })?.code ?? null;

  test('lets any Host in with the key', () => expect(verdict(['Authorization', `Bearer ${key}`])).toBeNull());

  test.each([
    ['no key', []],
    ['another key', ['Authorization', 'Bearer nope']],
    ['the key twice', ['Authorization', `Bearer ${key}`, 'Authorization', `Bearer ${key}`]],
    ['the key as Basic', ['Authorization', `Basic ${key}`]],
  ])('refuses %s', (_name, headers) => expect(verdict(headers)).toBe('AUTH_REQUIRED'));

  test('refuses a foreign origin with the key', () => {
    expect(verdict(['Authorization', `Bearer ${key}`, 'Origin', 'https://evil.example'])).toBe('FORBIDDEN');
  });

  test('refuses a form with the key', () => {
    expect(verdict(['Authorization', `Bearer ${key}`, 'Content-Type', 'text/plain'], 'POST')).toBe(
      'UNSUPPORTED_MEDIA_TYPE',
    );
  });

  test('on loopback only it is as local as the rest', () => {
    expect(gatewayRefusal(facts(ownHost), { key: null, exposed: false })?.code).toBe('LOCAL_ONLY');
  });
});
