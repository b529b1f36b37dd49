import type { ServerResponse } from 'node:http';
import { act, runRequest } from '../../helpers/plugin-calls.ts';
import {
  addFetcher,
  fetchAll,
  type FetchCall,
  fetchOne,
  startServiceBeside,
} from '../../helpers/plugin-fetches.ts';
import { addVariant } from '../../helpers/plugin-variant.ts';
import type { Service } from '../../helpers/service.ts';
import { bytes, json, startUpstream, type TestUpstream } from '../../helpers/upstream.ts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

const megabyte = 1024 * 1024;

let upstream: TestUpstream;
let service: Service;
let url: string;

beforeAll(async () => {
  upstream = await startUpstream();
  service = await startServiceBeside(upstream);
  url = `http://127.0.0.1:${upstream.port}/path`;
  await addFetcher(service, [`127.0.0.1:${upstream.port}`]);
});

afterEach(() => {
  upstream.requests.length = 0;
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const ask = (call: Partial<FetchCall> = {}) => fetchOne(service, { url, ...call });

describe('an answer', () => {
  test('is a Response, as fetch gives one', async () => {
    upstream.answer = (response) =>
      response
        .writeHead(
          201,
          'Made',
          [
            ['x-a', 'ü'],
            ['set-cookie', 'a=1'],
            ['set-cookie', 'b=2; Path=/'],
          ].flat(),
        )
        .end('whole');
    expect(await ask({ url: `${url}?q=1#part` })).toMatchObject({
      status: 201,
      statusText: 'Made',
      ok: true,
      url: `${url}?q=1`,
      cloneUrl: `${url}?q=1`,
      type: 'basic',
      redirected: false,
      isResponse: true,
      headers: { 'x-a': 'ü' },
      cookies: ['a=1', 'b=2; Path=/'],
      text: 'whole',
    });
  });

  test('may be JSON, bytes, or of an error status', async () => {
    upstream.answer = json(500, { reason: 'broken' });
    expect(await ask()).toMatchObject({ status: 500, ok: false, text: '{"reason":"broken"}' });
    upstream.answer = bytes(200, Buffer.from([0, 255, 128, 10]));
    expect(await ask()).toMatchObject({ length: 4, text: '\0\xff\x80\n' });
  });

  test.each([204, 205, 304])('of status %i has no body', async (status) => {
    upstream.answer = (response) => response.writeHead(status, { etag: '"x"' }).end();
    expect(await ask()).toMatchObject({ status, length: 0, headers: { etag: '"x"' } });
  });

  test.each([301, 302, 303, 307, 308])('that redirects with %i is an answer', async (status) => {
    upstream.answer = (response) => response.writeHead(status, { location: `${url}/next` }).end();
    for (const redirect of ['follow', 'manual'] as const) {
      expect(await ask({ redirect })).toMatchObject({
        status,
        redirected: false,
        headers: { location: `${url}/next` },
      });
    }
    expect(await ask({ redirect: 'error' })).toMatchObject({ name: 'TypeError', code: 'FETCH_FAILED' });
    expect(upstream.requests).toHaveLength(3);
  });

  test.each([199, 600, 999])('of status %i is none', async (status) => {
    upstream.answer = (response) => response.socket?.end(`HTTP/1.1 ${status} X\r\ncontent-length: 0\r\n\r\n`);
    expect(await ask({ timeoutMs: 5_000 })).toMatchObject({ name: 'TypeError', code: 'FETCH_FAILED' });
  });

  test('whose head holds what a Response cannot still comes', async () => {
    upstream.answer = (response) =>
      response.socket?.end('HTTP/1.1 200 \x01odd\x02\r\nx-a: caf\xc3\xa9\r\ncontent-length: 2\r\n\r\nok');
    expect(await ask()).toMatchObject({ status: 200, statusText: '', text: 'ok' });
  });

  test('is at most 10 MiB', async () => {
    upstream.answer = bytes(200, Buffer.alloc(10 * megabyte, 1));
    expect(await ask()).toMatchObject({ status: 200, length: 10 * megabyte });
    upstream.answer = bytes(200, Buffer.alloc(10 * megabyte + 1));
    expect(await ask()).toMatchObject({ code: 'FETCH_FAILED', reason: expect.stringMatching(/larger/) });
  });

  test('without an end is cut off', async () => {
    upstream.answer = (response) => {
      const pour = () => {
        while (!response.destroyed && response.write(Buffer.alloc(megabyte)));
      };
      response.on('drain', pour);
      pour();
    };
    expect(await ask()).toMatchObject({ code: 'FETCH_FAILED', reason: expect.stringMatching(/larger/) });
  });

  test.each([
    ['that does not begin', () => undefined],
    ['that does not end', (response) => response.write('some')],
  ] satisfies [string, TestUpstream['answer']][])('%s ends at its deadline', async (_, answer) => {
    upstream.answer = answer;
    const outcome = await ask({ timeoutMs: 200 });
    expect(outcome).toMatchObject({
      isTypeError: true,
      message: 'fetch failed',
      code: 'FETCH_FAILED',
      reason: expect.stringMatching(/within the time allowed/),
    });
    expect(outcome.ms).toBeGreaterThan(100);
  });
});

describe('a request', () => {
  test('goes out as the plugin made it', async () => {
    upstream.answer = bytes(200, 'ok');
    await ask({ method: 'put', headers: { 'X-Api-Key': 'k', accept: 'text/x' }, body: 'café' });
    expect(upstream.requests).toMatchObject([
      {
        method: 'PUT',
        path: '/path',
        headers: {
          'x-api-key': 'k',
          accept: 'text/x',
          'content-type': 'text/plain;charset=UTF-8',
          'content-length': '5',
        },
        body: Buffer.from('café'),
      },
    ]);
  });

  test.each([
    ['bytes', undefined, /^a=b$/],
    ['buffer', undefined, /^a=b$/],
    ['stream', undefined, /^a=b$/],
    ['blob', /^text\/csv$/, /^a=b$/],
    ['params', /^application\/x-www-form-urlencoded/, /^text=a%3Db$/],
    ['form', /^multipart\/form-data; boundary=/, /filename="a.txt"[\s\S]*a=b/],
  ] as const)('may have a body of %s', async (as, type, body) => {
    upstream.answer = bytes(200, 'ok');
    expect(await ask({ method: 'POST', as, body: 'a=b' })).toMatchObject({ status: 200 });
    const [request] = upstream.requests;
    expect(request?.headers['content-type'] ?? '').toMatch(type ?? /^$/);
    expect(request?.body.toString()).toMatch(body);
  });

  test.each(['url', 'request'] as const)('may be given as a %s', async (input) => {
    upstream.answer = bytes(200, 'ok');
    const call = { input, method: 'POST', headers: { 'x-a': 'b' }, body: 'sent' };
    expect(await ask(call)).toMatchObject({ status: 200 });
    expect(upstream.requests).toMatchObject([{ method: 'POST', headers: { 'x-a': 'b' } }]);
    expect(String(upstream.requests[0]?.body)).toBe('sent');
  });

  test.each(['string', 'stream'] as const)('has at most 1 MiB of body: %s', async (as) => {
    upstream.answer = bytes(200, 'ok');
    const call = { method: 'POST', as, body: 'x' };
    expect(await ask({ ...call, repeat: megabyte })).toMatchObject({ status: 200 });
    expect(upstream.requests[0]?.body).toHaveLength(megabyte);
    expect(await ask({ ...call, repeat: megabyte + 1 })).toMatchObject({
      isTypeError: true,
      code: 'REQUEST_REFUSED',
      reason: expect.stringMatching(/1048576 bytes/),
    });
    expect(upstream.requests).toHaveLength(1);
  });

  test.each<[string, Partial<FetchCall>]>([
    ['a header that fetch keeps for itself', { headers: { cookie: 'a=b' } }],
    ['headers beyond 16 KiB', { headers: { 'x-a': 'x'.repeat(20_000) } }],
    ['a head beyond what a frame holds', { headers: { 'x-a': 'x'.repeat(70_000) } }],
    ['a hash that nobody checks', { integrity: 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' }],
    ['a deadline beyond a minute', { timeoutMs: 60_001 }],
    ['a port of another protocol', { url: 'http://mail.example.com:25/' }],
  ])('with %s is refused, and the next is not', async (_, call) => {
    upstream.answer = bytes(200, 'ok');
    expect(await ask(call)).toMatchObject({ isTypeError: true, code: 'REQUEST_REFUSED' });
    expect(upstream.requests).toEqual([]);
    expect(await ask()).toMatchObject({ status: 200 });
  });

  test.each<[string, Partial<FetchCall>]>([
    ['a URL that is none', { url: 'no url' }],
    ['a URL with a password', { url: 'http://user:secret@api.example.com/' }],
    ['GET and a body', { body: 'x' }],
    ['a method that is no word', { method: 'G T' }],
  ])('of %s rejects with a TypeError', async (_, call) => {
    expect(await ask(call)).toMatchObject({ isTypeError: true });
  });

  test('waits, where the second has had its 8 MiB', async () => {
    upstream.answer = bytes(200, 'ok');
    await act(service, 'fetches-as-told', 'restart');
    const call: FetchCall = { url, method: 'POST', body: 'x', repeat: megabyte };
    const outcomes = await fetchAll(service, Array(10).fill(call));
    expect(outcomes.map(({ status }) => status)).toEqual(Array(10).fill(200));
    const { faults, fetches } = (await service.plugin('fetches-as-told')).process;
    expect(faults).toMatchObject([{ fault: 'FRAME_RATE', count: 1 }]);
    expect(fetches.bytesSent).toBeGreaterThanOrEqual(10 * megabyte);
    await act(service, 'fetches-as-told', 'restart');
  });

  test('waits while 64 are open, and is made then', async () => {
    const held: (() => void)[] = [];
    let most = 0;
    upstream.answer = (response) => {
      held.push(() => response.end('ok'));
      most = Math.max(most, held.length);
    };
    const all = fetchAll(
      service,
      Array.from({ length: 100 }, () => ({ url })),
    );
    for (let answered = 0; answered < 100; answered += 1) {
      const free = await service.until(
        async () => held.length >= Math.min(64, 100 - answered) && held.shift(),
      );
      free();
    }
    expect((await all).map(({ text }) => text)).toEqual(Array(100).fill('ok'));
    expect(most).toBe(64);
  });
});

describe('a request that is given up', () => {
  /** Resolves when the server loses the connection of the next request, with the time. */
  function connectionLost(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    upstream.answer = (response) => response.once('close', () => resolve(performance.now()));
    return promise;
  }

  test("rejects with the signal's reason, and the service lets go of it", async () => {
    const lost = connectionLost();
    const outcome = await ask({ abortMs: 100 });
    const endedAt = performance.now();
    expect(outcome).toMatchObject({ name: 'TimeoutError' });
    expect((await lost) - endedAt).toBeLessThan(100);
    expect(await ask({ abortMs: 0 })).toMatchObject({ name: 'TimeoutError' });
  });

  test('does not take the place of others', async () => {
    upstream.answer = () => undefined;
    const calls = Array.from({ length: 200 }, () => ({ url, abortMs: 300 }));
    const outcomes = await fetchAll(service, calls);
    expect(outcomes.map(({ name }) => name)).toEqual(Array(200).fill('TimeoutError'));
    upstream.answer = bytes(200, 'ok');
    expect(await ask()).toMatchObject({ status: 200 });
    expect((await service.plugin('fetches-as-told')).process.restarts).toBe(0);
  });

  test('by the deadline of a hook is one that was given ctx.signal', async () => {
    const requires = { permissions: ['network'], hosts: [`127.0.0.1:${upstream.port}`] };
    const hooks = { onRequest: { timeoutMs: 1_000 } };
    await addVariant(service, 'fetches-as-told', { name: 'in-a-hurry', requires, hooks });
    await act(service, 'fetches-as-told', 'deactivate');
    const lost = connectionLost();
    await runRequest(service, { calls: [{ url, useHookSignal: true }] });
    await lost;
    const { promise: held, resolve } = Promise.withResolvers<ServerResponse>();
    upstream.answer = resolve;
    await runRequest(service, { calls: [{ url }] });
    const response = await held;
    expect(response.destroyed).toBe(false);
    response.end('late');
    await service.until(async () => {
      const { requests, failed } = (await service.plugin('in-a-hurry')).process.fetches;
      return requests === 2 && failed === 1;
    });
    await act(service, 'in-a-hurry', 'uninstall');
    await act(service, 'fetches-as-told', 'activate');
  });

  test('with the process of its plugin lets go of the server', async () => {
    const lost = connectionLost();
    await addFetcher(service, [`127.0.0.1:${upstream.port}`], 'is-stopped');
    await act(service, 'fetches-as-told', 'deactivate');
    const running = runRequest(service, { calls: [{ url }] });
    await service.until(async () => upstream.requests.length > 0);
    const { process: child } = await service.plugin('is-stopped');
    process.kill(child.pid ?? 0, 'SIGKILL');
    await lost;
    await running;
    await act(service, 'is-stopped', 'uninstall');
    await act(service, 'fetches-as-told', 'activate');
  });
});

test('without the permission fetch says what is missing', async () => {
  const hosts = [`127.0.0.1:${upstream.port}`];
  await using other = await startServiceBeside(upstream);
  await addVariant(other, 'fetches-as-told', { requires: { hosts } });
  expect(await fetchOne(other, { url })).toMatchObject({
    isTypeError: true,
    message: 'fetch failed',
    code: 'PERMISSION_DENIED',
    reason: expect.stringMatching(/"network".*plugin\.json/),
  });
  expect((await other.plugin('fetches-as-told')).process.fetches.requests).toBe(0);
});
