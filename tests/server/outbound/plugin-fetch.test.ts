import { createGuardedRequest } from '@omniroute/server/outbound/guarded-request';
import { HostAllowList } from '@omniroute/server/outbound/host-allow-list';
import { dialTcp } from '@omniroute/server/outbound/open-connection';
import { OutboundError } from '@omniroute/server/outbound/outbound-error';
import { FetchTally } from '@omniroute/server/outbound/fetch-tally';
import { PluginFetch } from '@omniroute/server/outbound/plugin-fetch';
import { createLogger } from '@omniroute/server/logger';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { startUpstream } from '../../helpers/upstream.ts';
import { failureOf, type Internet, startInternet, trustTestCertificate } from './internet.ts';

beforeAll(trustTestCertificate);

const url = 'https://api.example.org/v1';
const none = new AbortController().signal;
const megabyte = 1_024 * 1_024;

function pluginFetch(internet: Pick<Internet, 'request'>, hosts: string[] | null = null) {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger('info', { write: (line) => lines.push(JSON.parse(line)) });
  const tally = new FetchTally(() => new Date(0));
  const fetcher = new PluginFetch({
    plugin: 'sample',
    hosts,
    request: internet.request,
    logger,
    onDone: (fetched) => tally.note(fetched),
  });
  return Object.assign(fetcher, { lines, tally });
}

describe('what a plugin fetches', () => {
  test('is asked as it wants, and comes whole', async () => {
    await using internet = await startInternet();
    internet.answer = (_request, response) => response.writeHead(201, 'Made', { 'x-a': 'ü' }).end('answer');
    const fetcher = pluginFetch(internet);
    const head = {
      url: `${url}?a=b#c`,
      method: 'post',
      headers: [
        ['X-Api-Key', 'k'],
        ['content-type', 'text/x'],
      ],
    };
    expect(await fetcher.fetch(head, Buffer.from('question'), none)).toMatchObject({
      status: 201,
      statusText: 'Made',
      headers: expect.arrayContaining([['x-a', 'ü']]),
      url: `${url}?a=b`,
      body: Buffer.from('answer'),
    });
    expect(internet.visits).toMatchObject([
      {
        url: `${url}?a=b`,
        method: 'POST',
        body: 'question',
        headers: { 'x-api-key': 'k', 'content-type': 'text/x', 'user-agent': 'OmniRoute' },
      },
    ]);
  });

  test('is counted, and has a line in the log', async () => {
    await using internet = await startInternet();
    const fetcher = pluginFetch(internet);
    await fetcher.fetch({ url, method: 'PUT' }, Buffer.from('four'), none);
    await failureOf(fetcher.fetch({ url: 'http://127.0.0.1:1234/secret' }, null, none));
    const lastAt = new Date(0).toISOString();
    const failure = expect.stringMatching(/^SPECIAL_RANGE: /);
    expect(fetcher.tally.counts()).toEqual({
      requests: 2,
      failed: 1,
      bytesSent: 4,
      bytesReceived: 2,
      hosts: [
        { host: '127.0.0.1:1234', requests: 1, failed: 1, lastAt, lastFailure: failure },
        { host: 'api.example.org', requests: 1, failed: 0, lastAt, lastFailure: null },
      ],
    });
    expect(fetcher.lines).toMatchObject([
      {
        msg: 'plugin.fetch',
        plugin: 'sample',
        host: 'api.example.org',
        status: 200,
        requestBytes: 4,
        answerBytes: 2,
      },
      {
        msg: 'plugin.fetch',
        plugin: 'sample',
        host: '127.0.0.1:1234',
        code: 'URL_BLOCKED',
        reason: 'SPECIAL_RANGE',
      },
    ]);
    expect(fetcher.lines.every(({ ms }) => typeof ms === 'number')).toBe(true);
    expect(JSON.stringify(fetcher.lines)).not.toContain('/secret');
  });

  test('may redirect: that is an answer', async () => {
    await using internet = await startInternet();
    internet.answer = (_request, response) =>
      response.writeHead(302, { location: 'http://127.0.0.1/' }).end();
    expect(await pluginFetch(internet).fetch({ url }, null, none)).toMatchObject({ status: 302 });
    expect(internet.visits).toHaveLength(1);
  });

  test('is at most 10 MiB', async () => {
    await using internet = await startInternet();
    internet.answer = (_request, response) => response.end(Buffer.alloc(10 * megabyte));
    const fetcher = pluginFetch(internet);
    expect((await fetcher.fetch({ url }, null, none)).body).toHaveLength(10 * megabyte);
    internet.answer = (_request, response) => response.end(Buffer.alloc(10 * megabyte + 1));
    expect(await failureOf(fetcher.fetch({ url }, null, none))).toMatchObject({ reason: 'ANSWER_TOO_LARGE' });
  });

  test('ends at its deadline, and when the plugin gives up', async () => {
    await using internet = await startInternet();
    internet.answer = () => undefined;
    const fetcher = pluginFetch(internet);
    expect(await failureOf(fetcher.fetch({ url, timeoutMs: 100 }, null, none))).toMatchObject({
      code: 'FETCH_FAILED',
      reason: 'DEADLINE',
    });
    const controller = new AbortController();
    const failing = failureOf(fetcher.fetch({ url }, null, controller.signal));
    await vi.waitFor(() => expect(internet.visits).toHaveLength(2));
    controller.abort();
    expect(await failing).toMatchObject({ reason: 'ABORTED' });
  });
});

describe('a plugin may not', () => {
  test('learn whether a name resolves to a private address, or not at all', async () => {
    await using internet = await startInternet();
    const fetcher = pluginFetch(internet);
    const seen: unknown[] = [];
    for (const addresses of [[], [{ address: '10.0.0.1', family: 4 }]]) {
      internet.resolve = async () => addresses;
      seen.push(await failureOf(fetcher.fetch({ url }, null, none)));
    }
    seen.push(await failureOf(fetcher.fetch({ url: 'http://localhost/' }, null, none)));
    for (const error of seen) {
      expect(error).toMatchObject({ code: 'URL_BLOCKED', reason: 'NO_PUBLIC_ADDRESS', detail: undefined });
    }
    expect(fetcher.lines.map(({ reason }) => reason)).toEqual(['DNS_EMPTY', 'SPECIAL_RANGE', 'SINGLE_LABEL']);
  });

  test('reach another host than its manifest lists', async () => {
    await using internet = await startInternet();
    const fetcher = pluginFetch(internet, ['api.example.org', '*.example.net:443']);
    for (const allowed of [
      url,
      'https://api.example.org./',
      'http://api.example.org/',
      'https://a.example.net/',
    ]) {
      expect(await fetcher.fetch({ url: allowed }, null, none)).toMatchObject({ status: 200 });
    }
    for (const refused of ['https://example.org/', 'http://a.example.net/', 'https://attacker.net/']) {
      expect(await failureOf(fetcher.fetch({ url: refused }, null, none))).toMatchObject({
        code: 'REQUEST_REFUSED',
        reason: 'HOST_NOT_LISTED',
      });
    }
    expect(internet.visits).toHaveLength(4);
  });

  test.each([
    ['host', 'other.example.org'],
    ['Content-Length', '5'],
    ['connection', 'keep-alive'],
    ['transfer-encoding', 'chunked'],
    ['cookie', 'a=b'],
    ['Proxy-Authorization', 'x'],
    ['sec-fetch-site', 'none'],
    ['x-http-method-override', 'GET, trace'],
    ['accept-encoding', 'gzip'],
  ])('set the header %s', async (name, value) => {
    await using internet = await startInternet();
    expect(
      await failureOf(pluginFetch(internet).fetch({ url, headers: [[name, value]] }, null, none)),
    ).toMatchObject({
      code: 'REQUEST_REFUSED',
      reason: 'FORBIDDEN_HEADER',
      detail: name.toLowerCase(),
    });
    expect(internet.dialled).toEqual([]);
  });

  test.each<[string, object, Buffer | null, string]>([
    ['no URL', { method: 'GET' }, null, 'INVALID_REQUEST'],
    ['a method that is no word', { url, method: 'GET / HTTP/1.1\r\n' }, null, 'INVALID_REQUEST'],
    ['TRACE', { url, method: 'trace' }, null, 'FORBIDDEN_METHOD'],
    ['CONNECT', { url, method: 'CONNECT' }, null, 'FORBIDDEN_METHOD'],
    ['a header with a line break', { url, headers: [['x-a', 'b\r\nx-c: d']] }, null, 'INVALID_REQUEST'],
    ['a header name with a line break', { url, headers: [['x-a\r\nb', 'c']] }, null, 'INVALID_REQUEST'],
    ['a header beyond Latin-1', { url, headers: [['x-a', 'ł']] }, null, 'INVALID_REQUEST'],
    ['headers beyond 16 KiB', { url, headers: [['x-a', 'x'.repeat(16_384)]] }, null, 'INVALID_REQUEST'],
    ['a deadline beyond 60 s', { url, timeoutMs: 60_001 }, null, 'INVALID_REQUEST'],
    ['GET with a body', { url }, Buffer.from('x'), 'INVALID_REQUEST'],
    ['more than 1 MiB', { url, method: 'POST' }, Buffer.alloc(megabyte + 1), 'REQUEST_TOO_LARGE'],
    ['a port of another protocol', { url: 'http://mail.example.org:25/' }, null, 'FORBIDDEN_PORT'],
  ])('send %s', async (_, head, body, reason) => {
    await using internet = await startInternet();
    expect(await failureOf(pluginFetch(internet).fetch(head, body, none))).toMatchObject({
      code: 'REQUEST_REFUSED',
      reason,
    });
    expect(internet.dialled).toEqual([]);
  });

  test('make the service hold more than 64 MiB of answers', async () => {
    await using internet = await startInternet();
    internet.answer = (_request, response) => response.write(Buffer.alloc(9 * megabyte));
    const fetcher = pluginFetch(internet);
    const controller = new AbortController();
    const errors = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const error = await failureOf(fetcher.fetch({ url }, null, controller.signal));
        controller.abort();
        return error;
      }),
    );
    expect(errors).toContainEqual(expect.objectContaining({ reason: 'TOO_MANY_IN_FLIGHT' }));
    expect(fetcher.tally.counts().bytesReceived).toBeLessThanOrEqual(64 * megabyte + 65_536);
  });

  test('make the service hold more than 64 MiB of answers that it does not take', async () => {
    await using internet = await startInternet();
    internet.answer = (_request, response) => response.end(Buffer.alloc(10 * megabyte));
    const fetcher = pluginFetch(internet);
    const held = [];
    for (let answer = 0; answer < 6; answer += 1) held.push(await fetcher.fetch({ url }, null, none));
    expect(await failureOf(fetcher.fetch({ url }, null, none))).toMatchObject({
      code: 'REQUEST_REFUSED',
      reason: 'TOO_MANY_IN_FLIGHT',
    });
    held.pop()?.[Symbol.dispose]();
    expect(await fetcher.fetch({ url }, null, none)).toMatchObject({ status: 200 });
  });
});

test('a private host takes the operator and the manifest to be reached', async () => {
  await using upstream = await startUpstream((response) => response.end('private'));
  const host = `127.0.0.1:${upstream.port}`;
  async function outcome(operator: string[], manifest: string[] | null): Promise<string> {
    const request = createGuardedRequest({
      exceptions: new HostAllowList(operator),
      resolve: () => Promise.reject(new Error('no name is asked for')),
      resolveException: () => Promise.reject(new Error('no name is asked for')),
      dial: dialTcp,
      isOwn: () => false,
    });
    const answered = pluginFetch({ request }, manifest).fetch({ url: `http://${host}/` }, null, none);
    return answered.then(
      ({ body }) => String(body),
      (error: unknown) => (error instanceof OutboundError ? error.code : String(error)),
    );
  }
  expect(await outcome([host], [host])).toBe('private');
  expect(await outcome([host], ['127.0.0.1'])).toBe('private');
  expect(await outcome([host], [])).toBe('REQUEST_REFUSED');
  expect(await outcome([host], null)).toBe('URL_BLOCKED');
  expect(await outcome([], [host])).toBe('URL_BLOCKED');
  expect(await outcome([host], ['api.example.org'])).toBe('REQUEST_REFUSED');
  expect(upstream.requests).toHaveLength(2);
});
