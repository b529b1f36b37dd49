import { parseConfig } from '@omniroute/server/config';
import { StartupError } from '@omniroute/server/startup-error';
import { describe, expect, test } from 'vitest';

const home = { HOME: '/home/me' };

test('nothing set is everything default', () => {
  expect(parseConfig(home)).toMatchObject({
    port: 20_128,
    host: null,
    dataDir: '/home/me/.omniroute',
    authToken: null,
    gatewayKey: null,
    upstreamUrl: null,
    upstreamApiKey: null,
    allowExec: false,
    safeMode: false,
    logLevel: 'info',
    outboundAllowHosts: [],
  });
  expect(parseConfig(home).version).toMatch(/^\d+\.\d+\.\d+$/);
});

test('an empty variable is an unset one', () => {
  const empty = {
    PORT: '',
    OMNIROUTE_HOST: '',
    OMNIROUTE_DATA_DIR: '',
    OMNIROUTE_AUTH_TOKEN: '',
    LOG_LEVEL: '',
    OMNIROUTE_SAFE_MODE: '',
  };
  expect(parseConfig({ ...home, ...empty })).toEqual(parseConfig(home));
});

test('what is set is taken', () => {
  const config = parseConfig({
    USERPROFILE: '/users/me',
    PORT: '0',
    OMNIROUTE_HOST: '0.0.0.0',
    OMNIROUTE_GATEWAY_KEY: 'key',
    OMNIROUTE_UPSTREAM_URL: 'https://api.example/v1',
    OMNIROUTE_PLUGINS_ALLOW_EXEC: '1',
    OMNIROUTE_SAFE_MODE: 'true',
    OMNIROUTE_OUTBOUND_ALLOW_HOSTS: 'Registry.example, 10.0.0.5:8080,[::1]:90',
    LOG_LEVEL: 'debug',
  });
  expect(config).toMatchObject({
    port: 0,
    host: '0.0.0.0',
    gatewayKey: 'key',
    dataDir: '/users/me/.omniroute',
    upstreamUrl: 'https://api.example/v1',
    allowExec: true,
    safeMode: true,
    outboundAllowHosts: ['registry.example', '10.0.0.5:8080', '[::1]:90'],
    logLevel: 'debug',
  });
});

test.each(['localhost', '127.0.0.1', '127.8.9.1', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1'])(
  'OMNIROUTE_HOST=%s is loopback, as without it',
  (host) => {
    expect(parseConfig({ ...home, OMNIROUTE_HOST: host }).host).toBeNull();
  },
);

test.each([
  ['0.0.0.0', '0.0.0.0'],
  ['::', '::'],
  ['::0', '::'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['::ffff:0.0.0.0', '0.0.0.0'],
  ['::FFFF:c0a8:0105', '192.168.1.5'],
  ['2001:DB8::0:1', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1%eth0'],
])('OMNIROUTE_HOST=%s is %s', (host, meant) => {
  expect(parseConfig({ ...home, OMNIROUTE_HOST: host, OMNIROUTE_GATEWAY_KEY: 'k' }).host).toBe(meant);
});

describe('what cannot be meant is refused in a sentence', () => {
  test.each([
    ['PORT', 'http', 'PORT must be a port number from 0 to 65535.'],
    ['PORT', '65536', 'PORT must be a port number from 0 to 65535.'],
    ['PORT', '-1', 'PORT must be a port number from 0 to 65535.'],
    ['OMNIROUTE_HOST', 'my-machine', 'OMNIROUTE_HOST must be localhost or an IP address, such as 0.0.0.0.'],
    [
      'OMNIROUTE_AUTH_TOKEN',
      'two words',
      'OMNIROUTE_AUTH_TOKEN must be printable ASCII characters without blanks.',
    ],
    ['OMNIROUTE_UPSTREAM_URL', 'api.example', 'OMNIROUTE_UPSTREAM_URL must be an http:// or https:// URL.'],
    ['OMNIROUTE_SAFE_MODE', 'yes', 'OMNIROUTE_SAFE_MODE must be 1 or 0.'],
    [
      'OMNIROUTE_OUTBOUND_ALLOW_HOSTS',
      'http://x',
      'OMNIROUTE_OUTBOUND_ALLOW_HOSTS must be a list such as registry.example,10.0.0.5:8080.',
    ],
    ['LOG_LEVEL', 'loud', 'LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent.'],
  ])('%s=%s', (name, value, sentence) => {
    expect(() => parseConfig({ ...home, [name]: value })).toThrow(new StartupError(sentence));
  });

  test('one for each variable', () => {
    expect(() => parseConfig({ ...home, PORT: 'x', LOG_LEVEL: 'x' })).toThrow(
      /^PORT must .*\.\nLOG_LEVEL must .*\.$/,
    );
  });

  test.each(['0.0.0.0', '::', '192.168.1.5', 'fe80::1%eth0', '0:0:0:0:0:0:0:0'])(
    'the network (%s) without a key, or with an empty one',
    (host) => {
      const network = { ...home, OMNIROUTE_HOST: host };
      expect(() => parseConfig(network)).toThrow(/set OMNIROUTE_GATEWAY_KEY/);
      expect(() => parseConfig({ ...network, OMNIROUTE_GATEWAY_KEY: '' })).toThrow(
        /set OMNIROUTE_GATEWAY_KEY/,
      );
    },
  );

  test.each(['two words', 'schlüssel', 'a\nb', 'x'.repeat(501)])('the key "%s"', (key) => {
    expect(() => parseConfig({ ...home, OMNIROUTE_GATEWAY_KEY: key })).toThrow(
      /^OMNIROUTE_GATEWAY_KEY must be/,
    );
  });

  test('no home at all', () => expect(() => parseConfig({})).toThrow(/Set OMNIROUTE_DATA_DIR/));
});
