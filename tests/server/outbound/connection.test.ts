import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { createGuardedRequest, readAnswer } from '@omniroute/server/outbound/guarded-request';
import { HostAllowList } from '@omniroute/server/outbound/host-allow-list';
import { type Dial, dialTcp } from '@omniroute/server/outbound/open-connection';
import type { Resolve } from '@omniroute/server/outbound/resolve-public';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startUpstream } from '../../helpers/upstream.ts';
import { failureOf, limits, publicAddress, startInternet, trustTestCertificate } from './internet.ts';

const toLoopback: Resolve = async () => [{ address: '127.0.0.1', family: 4 }];

/** The guard as it runs, but for name servers. */
function guard({
  allowHosts = [],
  resolve = toLoopback,
  dial = dialTcp,
}: {
  allowHosts?: string[];
  resolve?: Resolve;
  dial?: Dial;
} = {}) {
  const request = createGuardedRequest({
    exceptions: new HostAllowList(allowHosts),
    resolve,
    resolveException: resolve,
    dial,
    isOwn: () => false,
  });
  return (url: string) => request({ ...limits, url });
}

/** A port of loopback that notes who connects, and what they send. */
async function startListener() {
  const connections: Socket[] = [];
  const received: Buffer[] = [];
  const server = createServer((socket) => {
    connections.push(socket);
    socket.on('data', (chunk: Buffer) => received.push(chunk)).on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    connections,
    received,
    [Symbol.asyncDispose]: async () => {
      for (const socket of connections) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

beforeAll(trustTestCertificate);
afterEach(() => {
  vi.unstubAllEnvs();
});

describe('a connection', () => {
  test.each([
    'http://registry.example.com',
    'https://registry.example.com',
    'http://127.0.0.1',
    'http://[::ffff:127.0.0.1]',
    'http://2130706433',
  ])('to this machine is never opened: %s', async (url) => {
    await using listener = await startListener();
    expect(await failureOf(guard()(`${url}:${listener.port}/`))).toMatchObject({ code: 'URL_BLOCKED' });
    await using probe = connect(listener.port, '127.0.0.1');
    await once(probe, 'connect');
    expect(listener.connections).toHaveLength(1);
  });

  test.each(['http', 'https'])(
    'that ends elsewhere than where it was meant to is closed before a byte is sent: %s',
    async (scheme) => {
      await using listener = await startListener();
      const request = guard({
        resolve: async () => [publicAddress],
        dial: () => connect(listener.port, '127.0.0.1'),
      });
      expect(await failureOf(request(`${scheme}://registry.example.com/`))).toMatchObject({
        code: 'URL_BLOCKED',
        reason: 'UNJUDGED_SOCKET',
        detail: expect.stringContaining('127.0.0.1'),
      });
      await vi.waitFor(() =>
        expect(listener.connections.map((socket) => socket.readableEnded || socket.destroyed)).toEqual([
          true,
        ]),
      );
      expect(Buffer.concat(listener.received)).toHaveLength(0);
    },
  );

  test('that ends at another public address than one of those judged is closed', async () => {
    await using internet = await startInternet();
    internet.landsOn = '8.8.8.8';
    expect(
      await failureOf(internet.request({ ...limits, url: 'https://registry.example.org/' })),
    ).toMatchObject({
      reason: 'UNJUDGED_SOCKET',
    });
    expect(internet.visits).toEqual([]);
  });

  test('that reports a mapped address is at the IPv4 address', async () => {
    await using internet = await startInternet();
    internet.landsOn = `::ffff:${publicAddress.address}`;
    await using answer = await internet.request({ ...limits, url: 'https://registry.example.org/' });
    expect(answer.status).toBe(200);
  });

  test('goes to a judged address of the name, which is looked up once', async () => {
    await using internet = await startInternet();
    const addresses = ['140.82.112.3', '140.82.112.4', '2606:4700:4700::1111'];
    let lookups = 0;
    internet.resolve = async () => {
      lookups += 1;
      return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    };
    await using answer = await internet.request({ ...limits, url: 'https://registry.example.org/' });
    expect(answer.status).toBe(200);
    expect(internet.dialled).toEqual(addresses);
    expect(lookups).toBe(1);
  });

  test('is opened anew for each request, and judged: what the name server says later counts', async () => {
    await using internet = await startInternet();
    const url = 'https://registry.example.org/';
    await readAnswer(await internet.request({ ...limits, url }));
    await readAnswer(await internet.request({ ...limits, url }));
    expect(internet.dialled).toHaveLength(2);
    expect(internet.visits[0]?.headers['connection']).toBe('close');
    internet.resolve = toLoopback;
    expect(await failureOf(internet.request({ ...limits, url }))).toMatchObject({ code: 'URL_BLOCKED' });
    expect(internet.dialled).toHaveLength(2);
  });

  test('to an address needs no look-up', async () => {
    await using internet = await startInternet();
    internet.resolve = () => Promise.reject(new Error('nobody asked'));
    await using answer = await internet.request({ ...limits, url: `https://${publicAddress.address}/` });
    expect(answer.status).toBe(200);
    expect(internet.visits[0]?.serverName).toBe(false);
  });

  test('by TLS is for a server that has the certificate of the name, whatever the environment says', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    await using internet = await startInternet();
    expect(await failureOf(internet.request({ ...limits, url: 'https://other.com/' }))).toMatchObject({
      code: 'FETCH_FAILED',
      reason: 'UNREACHABLE',
    });
    expect(internet.visits).toEqual([]);
  });

  test('goes through no proxy', async () => {
    await using proxy = await startListener();
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy']) {
      vi.stubEnv(name, `http://127.0.0.1:${proxy.port}`);
    }
    vi.stubEnv('NODE_USE_ENV_PROXY', '1');
    await using internet = await startInternet();
    for (const scheme of ['http', 'https']) {
      await using answer = await internet.request({ ...limits, url: `${scheme}://registry.example.org/` });
      expect(answer.status).toBe(200);
    }
    expect(proxy.connections).toEqual([]);
  });

  test('that nobody accepts is a failure', async () => {
    const port = await (async () => {
      await using listener = await startListener();
      return listener.port;
    })();
    const request = guard({ allowHosts: ['127.0.0.1'] });
    expect(await failureOf(request(`http://127.0.0.1:${port}/`))).toMatchObject({
      code: 'FETCH_FAILED',
      reason: 'UNREACHABLE',
    });
  });
});

describe('a host that the operator let through', () => {
  test('is reached at its port, and nothing else is', async () => {
    await using upstream = await startUpstream((response) => response.end('private'));
    await using other = await startListener();
    const request = guard({ allowHosts: [`127.0.0.1:${upstream.port}`] });
    expect(String(await readAnswer(await request(`http://127.0.0.1:${upstream.port}/v1`)))).toBe('private');
    expect(String(await readAnswer(await request(`http://127.1:${upstream.port}/v1`)))).toBe('private');
    for (const url of [
      `http://127.0.0.1:${other.port}/`,
      'http://127.0.0.1/',
      `http://127.0.0.2:${upstream.port}/`,
      `http://localhost:${upstream.port}/`,
      `http://[::ffff:127.0.0.1]:${upstream.port}/`,
      `http://registry.example.com:${upstream.port}/`,
    ]) {
      expect(await failureOf(request(url))).toMatchObject({ code: 'URL_BLOCKED' });
    }
    expect(upstream.requests).toHaveLength(2);
    expect(other.connections).toEqual([]);
  });

  test('by name may have a private address, and others with that address may not', async () => {
    await using upstream = await startUpstream((response) => response.end('private'));
    const request = guard({ allowHosts: ['registry.internal'] });
    expect(String(await readAnswer(await request(`http://registry.internal:${upstream.port}/`)))).toBe(
      'private',
    );
    expect(upstream.requests[0]?.headers.host).toBe(`registry.internal:${upstream.port}`);
    for (const host of ['other.internal', 'a.registry.internal', 'registry.example.com']) {
      expect(await failureOf(request(`http://${host}:${upstream.port}/`))).toMatchObject({
        code: 'URL_BLOCKED',
      });
    }
    expect(upstream.requests).toHaveLength(1);
  });

  test('is reached at whichever of its addresses answers', async () => {
    await using upstream = await startUpstream((response) => response.end('private'));
    const request = guard({
      allowHosts: ['registry.internal'],
      resolve: async () => [
        { address: '::1', family: 6 },
        { address: '127.0.0.1', family: 4 },
      ],
    });
    expect(String(await readAnswer(await request(`http://registry.internal:${upstream.port}/`)))).toBe(
      'private',
    );
  });

  test('is let through only for those who may use the exception', async () => {
    await using upstream = await startUpstream((response) => response.end('private'));
    const request = createGuardedRequest({
      exceptions: new HostAllowList(['127.0.0.1']),
      resolve: toLoopback,
      resolveException: toLoopback,
      dial: dialTcp,
      isOwn: () => false,
    });
    const url = `http://127.0.0.1:${upstream.port}/`;
    const mayUseException = (asked: URL) => asked.pathname === '/yes';
    await using answer = await request({ ...limits, url: `${url}yes`, mayUseException });
    expect(answer.status).toBe(200);
    expect(await failureOf(request({ ...limits, url: `${url}no`, mayUseException }))).toMatchObject({
      code: 'URL_BLOCKED',
    });
  });
});

test('everything that is blocked is one message to callers', async () => {
  const messages = new Set<string>();
  for (const url of [
    'ftp://a.com/',
    'http://127.0.0.1/',
    'http://a.local/',
    'http://registry.example.com/',
    'nothing',
  ]) {
    const error = await failureOf(guard()(url));
    messages.add(error instanceof Error ? error.message : '');
  }
  expect([...messages]).toEqual([expect.stringMatching(/^The URL cannot be used: .*\.$/)]);
});
