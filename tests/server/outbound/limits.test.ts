import type { RequestListener } from 'node:http';
import { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import {
  createGuardedRequest,
  type OutboundRequest,
  readAnswer,
} from '@omniroute/server/outbound/guarded-request';
import { HostAllowList } from '@omniroute/server/outbound/host-allow-list';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { failureOf, type Internet, limits, startInternet, trustTestCertificate } from './internet.ts';

beforeAll(trustTestCertificate);

const url = 'https://registry.example.org/';

async function read(internet: Internet, more: Partial<OutboundRequest> = {}): Promise<Buffer> {
  return readAnswer(await internet.request({ ...limits, url, ...more }));
}

/** Writes for as long as the other end reads. */
const endless: RequestListener = (_request, response) => {
  const write = () => {
    while (!response.destroyed && response.write(Buffer.alloc(65_536)));
  };
  response.on('drain', write);
  write();
};

const never: RequestListener = () => undefined;

const trickle: RequestListener = (_request, response) => {
  const timer = setInterval(() => response.write('.'), 20);
  response.on('close', () => clearInterval(timer));
};

describe('an answer', () => {
  test('of exactly as many bytes as are allowed is read', async () => {
    await using internet = await startInternet();
    internet.answer = (_request, response) => response.end(Buffer.alloc(1_000_000, 1));
    expect(await read(internet)).toEqual(Buffer.alloc(1_000_000, 1));
  });

  test('without an end is given up at the limit', async () => {
    await using internet = await startInternet();
    internet.answer = endless;
    expect(await failureOf(read(internet))).toMatchObject({
      code: 'FETCH_FAILED',
      reason: 'ANSWER_TOO_LARGE',
    });
  });

  test('that announces more than is allowed is not read', async () => {
    await using internet = await startInternet();
    internet.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '1000001' });
      response.write('x');
    };
    expect(await failureOf(internet.request({ ...limits, url }))).toMatchObject({
      reason: 'ANSWER_TOO_LARGE',
    });
  });

  test('to HEAD may announce any length', async () => {
    await using internet = await startInternet();
    internet.answer = (_request, response) => response.writeHead(200, { 'content-length': '1000001' }).end();
    await using answer = await internet.request({ ...limits, url, method: 'HEAD' });
    expect(answer.headers).toContainEqual(['content-length', '1000001']);
  });

  test('that breaks off is an error', async () => {
    await using internet = await startInternet();
    internet.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.write('half', () => response.destroy());
    };
    expect(await failureOf(read(internet))).toMatchObject({ code: 'FETCH_FAILED', reason: 'BROKEN_ANSWER' });
  });

  test.each([
    ['one header', { 'x-large': 'x'.repeat(40_000) }],
    [
      'many headers',
      Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`x-${index}`, 'x'.repeat(20)])),
    ],
  ])('with a head beyond all measure is an error: %s', async (_, headers) => {
    await using internet = await startInternet();
    internet.answer = (_request, response) => response.writeHead(200, headers).end();
    expect(await failureOf(read(internet))).toMatchObject({ code: 'FETCH_FAILED', reason: 'BROKEN_ANSWER' });
  });

  test('that is no HTTP is an error', async () => {
    await using internet = await startInternet();
    internet.answer = (request) => request.socket.end('220 mail.example.com ESMTP\r\n');
    expect(await failureOf(read(internet))).toMatchObject({ code: 'FETCH_FAILED', reason: 'BROKEN_ANSWER' });
  });

  test('is not wanted compressed, and not unpacked', async () => {
    await using internet = await startInternet();
    const bomb = gzipSync(Buffer.alloc(5_000_000));
    internet.answer = (_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    expect(await read(internet, { headers: [['accept-encoding', 'gzip']] })).toEqual(bomb);
    expect(internet.visits[0]?.headers['accept-encoding']).toBe('identity');
  });

  test('keeps every header of a name', async () => {
    await using internet = await startInternet();
    internet.answer = (_request, response) => response.writeHead(200, { 'Set-Cookie': ['a=1', 'b=2'] }).end();
    await using answer = await internet.request({ ...limits, url });
    expect(answer.headers.filter(([name]) => name === 'set-cookie')).toEqual([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ]);
  });

  test('is read no faster than its reader wants, and ends when that stops', async () => {
    await using internet = await startInternet();
    let written = 0;
    let closed = false;
    internet.answer = (request, response) => {
      request.socket.on('close', () => (closed = true));
      const write = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) written += 65_536;
      };
      response.on('drain', write);
      write();
    };
    const answer = await internet.request({ ...limits, maxBytes: 1e9, url });
    for await (const chunk of answer.body) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    await vi.waitFor(() => expect(closed).toBe(true));
    expect(written).toBeLessThan(50_000_000);
  });

  test('that nobody reads is closed when it is disposed of', async () => {
    await using internet = await startInternet();
    let isClosed = false;
    internet.answer = (request, response) => {
      request.socket.on('close', () => (isClosed = true));
      endless(request, response);
    };
    {
      await using answer = await internet.request({ ...limits, url });
      expect(answer.status).toBe(200);
    }
    await vi.waitFor(() => expect(isClosed).toBe(true));
  });
});

describe('a request ends at its deadline', () => {
  test.each<[string, RequestListener]>([
    ['no head', never],
    ['no end', trickle],
    [
      'endless redirects',
      (_request, response) => setTimeout(() => response.writeHead(302, { location: url }).end(), 60),
    ],
  ])('when there is %s', async (_, answer) => {
    await using internet = await startInternet();
    internet.answer = answer;
    const startedAt = performance.now();
    const failing = read(internet, { deadlineMs: 300, redirect: { follow: 1_000 } });
    expect(await failureOf(failing)).toMatchObject({ code: 'FETCH_FAILED', reason: 'DEADLINE' });
    expect(performance.now() - startedAt).toBeLessThan(1_500);
  });

  test('when the name server does not answer', async () => {
    await using internet = await startInternet();
    internet.resolve = () => new Promise(() => undefined);
    expect(await failureOf(read(internet, { deadlineMs: 100 }))).toMatchObject({ reason: 'DEADLINE' });
  });

  test('when the connection is not made', async () => {
    await using internet = await startInternet();
    const request = createGuardedRequest({
      exceptions: new HostAllowList([]),
      resolve: internet.resolve,
      resolveException: internet.resolve,
      // As to a host that drops packets.
      dial: () => new Socket(),
      isOwn: () => false,
    });
    expect(await failureOf(request({ ...limits, url, deadlineMs: 100 }))).toMatchObject({
      reason: 'DEADLINE',
    });
    expect(internet.visits).toEqual([]);
  });
});

describe('a request that is given up ends within 100 ms', () => {
  async function giveUp(internet: Internet, hasBegun: () => boolean): Promise<void> {
    const controller = new AbortController();
    const failing = failureOf(read(internet, { signal: controller.signal }));
    await vi.waitFor(() => expect(hasBegun()).toBe(true), { interval: 5 });
    const startedAt = performance.now();
    controller.abort();
    expect(await failing).toMatchObject({ code: 'FETCH_FAILED', reason: 'ABORTED' });
    expect(performance.now() - startedAt).toBeLessThan(100);
  }

  test('in the look-up', async () => {
    await using internet = await startInternet();
    let asked: AbortSignal | undefined;
    internet.resolve = (_hostname, signal) => {
      asked = signal;
      return new Promise(() => undefined);
    };
    await giveUp(internet, () => asked !== undefined);
    expect(asked?.aborted).toBe(true);
  });

  test.each<[string, RequestListener]>([
    ['before the head', never],
    ['in the body', trickle],
  ])('%s, and the server sees it end', async (_, answer) => {
    await using internet = await startInternet();
    let ended = false;
    internet.answer = (request, response) => {
      request.socket.on('close', () => (ended = true));
      answer(request, response);
    };
    await giveUp(internet, () => internet.visits.length > 0);
    await vi.waitFor(() => expect(ended).toBe(true));
  });

  test('before it began', async () => {
    await using internet = await startInternet();
    const failing = read(internet, { signal: AbortSignal.abort() });
    expect(await failureOf(failing)).toMatchObject({ reason: 'ABORTED' });
    expect(internet.dialled).toEqual([]);
  });
});
