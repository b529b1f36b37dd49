import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sendBytes } from './raw-request.ts';
import { startTestService, type TestService, token } from './test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
beforeEach(() => void service.calls.splice(0));
afterAll(() => service[Symbol.asyncDispose]());

const bodyOfTwo = '\r\n{}';
const activation = 'POST /api/plugins/demo/activate HTTP/1.1';
const chunks = '\r\n2\r\n{}\r\n0\r\n\r\n';

function authorized(requestLine: string): string {
  return `${requestLine}\r\nHost: localhost:${service.port}\r\nAuthorization: Bearer ${token}\r\n`;
}

/** What a smuggler wants to be run: it follows whatever the server takes for the end of the first request. */
function smuggled(): string {
  return `${authorized('POST /api/plugins/scan HTTP/1.1')}Content-Length: 0\r\n\r\n`;
}

/** Asks for no end of the connection: the answer arrives when the server ends it. */
function send(head: string, requestLine = activation) {
  const bytes = `${authorized(requestLine)}Content-Type: application/json\r\n${head}${smuggled()}`;
  return sendBytes(service.port, Buffer.from(bytes, 'latin1'));
}

describe('a request whose end can be read in two ways is refused, and its connection closed', () => {
  test.each([
    ['F4: two Content-Length', `Content-Length: 2\r\nContent-Length: 3\r\n${bodyOfTwo}`],
    ['F4: the same Content-Length twice', `Content-Length: 2\r\nContent-Length: 2\r\n${bodyOfTwo}`],
    ['F4: a list of them', `Content-Length: 2, 2\r\n${bodyOfTwo}`],
    ['F4: one with a sign', `Content-Length: +2\r\n${bodyOfTwo}`],
    ['F4: a negative one', `Content-Length: -2\r\n${bodyOfTwo}`],
    ['F4: a hexadecimal one', `Content-Length: 0x2\r\n${bodyOfTwo}`],
    ['F4: an empty one', `Content-Length: \r\n${bodyOfTwo}`],
    ['F4: one with a blank inside', `Content-Length: 2 2\r\n${bodyOfTwo}`],
    ['F4: one beyond all numbers', `Content-Length: ${'9'.repeat(30)}\r\n${bodyOfTwo}`],
    ['F5: a length before chunks', `Content-Length: 2\r\nTransfer-Encoding: chunked\r\n${chunks}`],
    ['F5: a length after chunks', `Transfer-Encoding: chunked\r\nContent-Length: 2\r\n${chunks}`],
    ['F6: identity', `Transfer-Encoding: identity\r\n${bodyOfTwo}`],
    ['F6: chunked and identity', `Transfer-Encoding: chunked, identity\r\n${chunks}`],
    ['F6: a coding that is not ours', `Transfer-Encoding: xchunked\r\n${chunks}`],
    ['F6: gzip below chunked', `Transfer-Encoding: gzip, chunked\r\n${chunks}`],
    ['F6: chunked twice', `Transfer-Encoding: chunked, chunked\r\n${chunks}`],
    ['F6: two headers', `Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n${chunks}`],
    ['F6: two headers that differ', `Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n${chunks}`],
    ['F6: a blank before the colon', `Transfer-Encoding : chunked\r\n${chunks}`],
    ['F6: a vertical tab', `Transfer-Encoding: \x0bchunked\r\n${chunks}`],
    ['F6: a parameter', `Transfer-Encoding: chunked;q=1\r\n${chunks}`],
    ['F8: a folded header', `X: a\r\n b\r\nContent-Length: 2\r\n${bodyOfTwo}`],
    ['F8: a bare LF', `X: a\nContent-Length: 2\r\n${bodyOfTwo}`],
    ['F8: a bare CR', `X: a\rb\r\nContent-Length: 2\r\n${bodyOfTwo}`],
    ['F8: a NUL', `X: a\0b\r\nContent-Length: 2\r\n${bodyOfTwo}`],
    ['F8: a name with a blank', `X Y: a\r\nContent-Length: 2\r\n${bodyOfTwo}`],
    [
      'F10: a chunk beyond all sizes',
      'Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n',
    ],
    ['F10: a negative chunk', 'Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n'],
    ['F10: a chunk size of another base', 'Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n'],
    ['F10: a chunk longer than it says', 'Transfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n'],
    ['F10: chunks that end in bare LF', 'Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n'],
    [
      'F10: a length among the trailers',
      'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n',
    ],
    ['an expectation that is not known', `Expect: a-miracle\r\nContent-Length: 2\r\n${bodyOfTwo}`],
  ])('%s is 400', async (_name, head) => {
    const answer = await send(head);
    expect([answer.status, answer.code]).toEqual([400, 'INVALID_REQUEST']);
    expect(answer.headers.get('connection')).toBe('close');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(service.calls).toEqual([]);
  });

  test('F9: a chunk extension of 20 KB is 413', async () => {
    const answer = await send(`Transfer-Encoding: chunked\r\n\r\n2;${'x'.repeat(20_480)}\r\n{}\r\n0\r\n\r\n`);
    expect([answer.status, answer.code]).toEqual([413, 'BODY_TOO_LARGE']);
    expect(service.calls).toEqual([]);
  });

  test.each([
    ['F11: a header of 17 KB', `X: ${'x'.repeat(17 * 1024)}\r\n`],
    ['F11: 3 000 headers', 'a:\r\n'.repeat(3_000)],
    // Node can be made to overlook headers beyond a number.
    [
      'F11: a proxy that hides behind 2 100 headers',
      `${'a:\r\n'.repeat(2_100)}X-Forwarded-For: 192.0.2.1\r\n`,
    ],
  ])('%s is 431', async (_name, head) => {
    expect((await send(`${head}\r\n`)).status).toBe(431);
    expect(service.calls).toEqual([]);
  });
});

describe('what is not HTTP/1.1 or HTTP/1.0 is refused', () => {
  test.each(['HTTP/2.0', 'HTTP/0.9', 'HTTP/1.2', 'HTTP/11', 'http/1.1', 'HTTP/1.1 x', ''])(
    'a request of version "%s" is 400',
    async (version) => {
      const answer = await send('Content-Length: 0\r\n\r\n', `POST /api/plugins/scan ${version}`);
      expect([answer.status, answer.headers.get('connection')]).toEqual([400, 'close']);
      expect(service.calls).toEqual([]);
    },
  );

  test('F6: chunks in HTTP/1.0 are 400', async () => {
    const answer = await send(`Transfer-Encoding: chunked\r\n${chunks}`, 'POST /api/plugins/scan HTTP/1.0');
    expect([answer.status, answer.headers.get('connection')]).toEqual([400, 'close']);
    expect(service.calls).toEqual([]);
  });

  test.each([
    ['F20: the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['F20: the hello of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['F20: SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['F20: nothing but line ends', '\r\n'.repeat(10) + 'x\r\n\r\n'],
    ['F3: a method in lower case', 'get / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['F3: a method that does not exist', 'BREW /pot HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ])('%s is 400, and the service goes on', async (_name, bytes) => {
    expect((await sendBytes(service.port, Buffer.from(bytes, 'latin1'))).status).toBe(400);
    expect((await service.send({ path: '/api/health' })).status).toBe(200);
  });

  test.each(['TRACE', 'PROPFIND', 'QUERY', 'SEARCH', 'M-SEARCH'])('F2: %s is 405', async (method) => {
    expect((await service.manage({ method, path: '/api/plugins' })).code).toBe('METHOD_NOT_ALLOWED');
  });
});

describe('what is unusual but clear is read', () => {
  test.each([
    ['F7: a tab before the coding', `Transfer-Encoding:\tchunked\r\n${chunks}`],
    ['a coding in capitals', `Transfer-Encoding: CHUNKED\r\n${chunks}`],
    ['a length with zeros in front', `Content-Length: 0002\r\n${bodyOfTwo}`],
  ])('%s', async (_name, head) => {
    const bytes = `${authorized(activation)}Connection: close\r\nContent-Type: application/json\r\n${head}`;
    expect((await sendBytes(service.port, bytes)).status).toBe(200);
    expect(service.calls).toEqual(['activate']);
  });

  test.each([
    ['X-HTTP-Method-Override', 'DELETE'],
    ['X-HTTP-Method', 'DELETE'],
    ['X-Method-Override', 'DELETE'],
  ])('F1: %s changes no method', async (name, value) => {
    await service.manage({ method: 'POST', path: '/api/plugins/demo/activate', headers: [[name, value]] });
    expect(service.calls).toEqual(['activate']);
  });

  test('F1: _method is a parameter that is not known', async () => {
    expect((await service.manage({ path: '/api/plugins/demo/config?_method=PUT' })).status).toBe(400);
  });

  test('F13: of two requests on one connection each is judged by itself', async () => {
    const stranger = `GET /api/plugins HTTP/1.1\r\nHost: localhost:${service.port}\r\nConnection: close\r\n\r\n`;
    const { text, status } = await sendBytes(
      service.port,
      `${authorized('GET /api/plugins HTTP/1.1')}\r\n${stranger}`,
    );
    expect(status).toBe(200);
    expect(text).toContain('HTTP/1.1 401');
  });
});

test('F12: the lenient parser stays off', async () => {
  const lenient = 'GET /api/health HTTP/1.1\r\nHost: localhost\r\nX: a\x01b\r\nConnection: close\r\n\r\n';
  expect((await sendBytes(service.port, lenient)).status).toBe(400);
});

test('bytes that are no request do not end up in an answer that is under way', async () => {
  const path = `/trpc/events.stream?input=${encodeURIComponent('{"topics":["plugins"]}')}`;
  const answer = await sendBytes(service.port, `${authorized(`GET ${path} HTTP/1.1`)}\r\n`, {
    afterFirstByte: 'GARBAGE\r\n\r\n',
  });
  expect(answer.status).toBe(200);
  expect(answer.text).toContain('event: connected');
  expect(answer.text).not.toContain('HTTP/1.1');
});
