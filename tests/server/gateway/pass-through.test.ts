import { once } from 'node:events';
import { type ClientRequestArgs, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { request as undiciRequest } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { recordedCalls } from '../../helpers/recorded-calls.ts';
import { type Service, startService } from '../../helpers/service.ts';
import {
  bytes,
  completion,
  completionBody,
  held,
  json,
  startUpstream,
  type TestUpstream,
} from '../../helpers/upstream.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A client that sends the headers that it is told to, and no other. */
async function send(
  url: string,
  options: ClientRequestArgs,
  body?: string | Buffer,
): Promise<IncomingMessage> {
  const request = httpRequest(url, options);
  // A refusal may close the connection while the body is still being sent.
  request.on('error', () => {});
  request.end(body);
  const [response]: IncomingMessage[] = await once(request, 'response');
  if (!response) throw new Error('no response');
  return response;
}

describe('the gateway', () => {
  let upstream: TestUpstream;
  let service: Service;

  beforeAll(async () => {
    upstream = await startUpstream();
    service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  });
  beforeEach(() => {
    upstream.requests.length = 0;
    upstream.answer = completion('from upstream');
  });
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  test.each([
    ['GET', '/v1/models'],
    ['GET', '/v1/models/some%20model?a=1&a=2&b=%20x+y'],
    ['GET', '/v1/models/org%2Fmodel'],
    ['POST', '/v1/responses?stream=no'],
    ['POST', '/v1/embeddings'],
    ['DELETE', '/v1/files/file-1'],
    ['PUT', '/v1/anything/else/'],
    ['PATCH', '/v1/x'],
    ['GET', '/v1'],
    ['GET', '/v1?x=1'],
  ])('passes %s %s on', async (method, path) => {
    const headers = { 'content-type': 'application/json' };
    const response = await send(
      service.url + path,
      { method, headers },
      method === 'POST' ? '{}' : undefined,
    );
    expect(response.statusCode).toBe(200);
    expect(await text(response)).toBe(JSON.stringify(completionBody('from upstream')));
    expect(upstream.requests).toMatchObject([{ method, path }]);
  });

  test('passes bodies on as the bytes that they are, in both directions', async () => {
    const sent = Buffer.from(' {"model" : "caf\\u00e9", "n":1.0}\r\n');
    const answered = '{ "choices":[ ],\t"id" : "\\/x" }\n';
    upstream.answer = bytes(200, answered, { 'content-type': 'application/json' });
    const headers = { 'content-type': 'application/json; charset=utf-8' };
    const response = await fetch(`${service.url}/v1/chat/completions`, {
      method: 'POST',
      headers,
      body: sent,
    });
    expect(await response.text()).toBe(answered);
    expect(upstream.requests[0]?.body).toEqual(sent);
    expect(upstream.requests[0]?.headers).toMatchObject({
      ...headers,
      'content-length': String(sent.length),
    });
  });

  test('passes multipart on as the bytes that they are', async () => {
    const form = new FormData();
    form.append('file', new Blob([Buffer.from([0, 255, 13, 10])]), 'audio.mp3');
    const encoded = new Request('http://localhost', { method: 'POST', body: form });
    const body = Buffer.from(await encoded.arrayBuffer());
    const contentType = encoded.headers.get('content-type') ?? '';
    const headers = { 'content-type': contentType };
    await fetch(`${service.url}/v1/audio/transcriptions`, { method: 'POST', headers, body });
    expect(upstream.requests[0]?.body).toEqual(body);
    expect(upstream.requests[0]?.headers['content-type']).toBe(contentType);
  });

  test('passes an answer that is not JSON on', async () => {
    const audio = Buffer.from([0x49, 0x44, 0x33, 0x00, 0xff]);
    upstream.answer = bytes(200, audio, { 'content-type': 'audio/mpeg' });
    const response = await service.chat();
    expect(response.headers.get('content-type')).toBe('audio/mpeg');
    expect(Buffer.from(await response.arrayBuffer())).toEqual(audio);
  });

  test('passes status, headers and body of an error on', async () => {
    upstream.answer = json(429, { error: { message: 'slow down' } }, { 'retry-after': '7' });
    const response = await service.chat();
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('7');
    expect(await response.json()).toEqual({ error: { message: 'slow down' } });
  });

  test('passes a redirect on and does not follow it', async () => {
    upstream.answer = bytes(302, '', { location: 'http://127.0.0.1:1/' });
    const response = await fetch(`${service.url}/v1/models`, { redirect: 'manual' });
    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toBe('http://127.0.0.1:1/');
  });

  test('passes the length of what HEAD does not send on', async () => {
    upstream.answer = bytes(200, '', { 'content-length': '1234', 'content-type': 'application/json' });
    const response = await fetch(`${service.url}/v1/models`, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe('1234');
  });

  test('keeps several cookies of the upstream apart', async () => {
    upstream.answer = completion('x', { 'set-cookie': ['a=1', 'b=2'] });
    expect((await service.chat()).headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });

  test('does not pass the headers of a connection on, in either direction', async () => {
    upstream.answer = completion('x', {
      connection: 'keep-alive, x-up-hop',
      'x-up-hop': '1',
      'keep-alive': 'timeout=9',
    });
    const headers = {
      connection: 'close, x-hop',
      'x-hop': '1',
      te: 'trailers',
      'proxy-connection': 'x',
      'x-end': '2',
    };
    const response = await send(`${service.url}/v1/models`, { headers });
    const [received] = upstream.requests;
    expect(received?.headers['x-end']).toBe('2');
    for (const name of ['x-hop', 'te', 'proxy-connection'])
      expect(received?.headers).not.toHaveProperty(name);
    expect(received?.headers.host).toBe(`127.0.0.1:${upstream.port}`);
    expect(response.headers).not.toHaveProperty('x-up-hop');
    expect(response.headers['keep-alive']).not.toBe('timeout=9');
    response.resume();
  });

  test('does not pass cookies on', async () => {
    await service.chat({ headers: { cookie: 'auth_token=secret; other=1' } });
    expect(upstream.requests[0]?.headers).not.toHaveProperty('cookie');
  });

  test('passes the credentials of the application on where it has no key of its own', async () => {
    await service.chat({ headers: { authorization: 'Bearer sk-app', 'x-api-key': 'sk-other' } });
    expect(upstream.requests[0]?.headers).toMatchObject({
      authorization: 'Bearer sk-app',
      'x-api-key': 'sk-other',
    });
    await service.chat();
    expect(upstream.requests[1]?.headers).not.toHaveProperty('authorization');
  });

  test('gives every answer an id of its own, and sets the one of the upstream apart', async () => {
    upstream.answer = completion('x', { 'x-request-id': 'req_upstream' });
    const answers = await Promise.all([service.chat(), service.chat()]);
    const ids = answers.map(({ headers }) => headers.get('x-request-id'));
    for (const id of ids) expect(id).toMatch(uuid);
    expect(ids[0]).not.toBe(ids[1]);
    expect(answers[0].headers.get('x-upstream-request-id')).toBe('req_upstream');
  });

  test.each([
    ['with its length', { 'content-length': String(33 * 1024 * 1024) }],
    ['without telling its length', { 'transfer-encoding': 'chunked' }],
  ])('refuses a body over 32 MiB %s', async (_, length) => {
    const headers = { 'content-type': 'application/json', ...length };
    const body = Buffer.alloc(33 * 1024 * 1024, ' ');
    const response = await send(`${service.url}/v1/chat/completions`, { method: 'POST', headers }, body);
    expect(response.statusCode).toBe(413);
    expect(JSON.parse(await text(response)).error).toMatchObject({
      code: 'BODY_TOO_LARGE',
      type: 'invalid_request',
    });
    expect(upstream.requests).toEqual([]);
  });

  test('takes a body of 32 MiB', async () => {
    const body = Buffer.alloc(32 * 1024 * 1024, ' ');
    const headers = { 'content-type': 'application/json' };
    const response = await send(`${service.url}/v1/chat/completions`, { method: 'POST', headers }, body);
    expect(response.statusCode).toBe(200);
    response.resume();
    expect(upstream.requests[0]?.body.length).toBe(body.length);
  });

  test('asks for a body that waits for it, once', async () => {
    const socket = connect(service.app.port, '127.0.0.1');
    const received = text(socket);
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:${service.app.port}\r\nConnection: close\r\n` +
        'Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n',
    );
    await once(socket, 'readable');
    socket.write('{}');
    const answer = await received;
    expect(answer.match(/^HTTP\/1\.1 .*$/gm)).toEqual(['HTTP/1.1 100 Continue', 'HTTP/1.1 200 OK']);
    expect(upstream.requests[0]?.headers).not.toHaveProperty('expect');
  });

  test('serves a hundred requests at once, each with its own answer', async () => {
    upstream.answer = (response, request) => {
      const { messages } = JSON.parse(request.body.toString());
      completion(messages[0].content)(response, request);
    };
    const words = Array.from({ length: 100 }, (_, index) => `word ${index}`);
    const answers = await Promise.all(
      words.map(
        async (content) => (await (await service.chat({ content })).json()).choices[0].message.content,
      ),
    );
    expect(answers).toEqual(words);
  });

  test('ends its request to the upstream when the client leaves', async () => {
    const { answer, next } = held();
    upstream.answer = answer;
    const leaving = new AbortController();
    const left = fetch(`${service.url}/v1/models`, { signal: leaving.signal }).catch(() => 'gone');
    const response = await next();
    leaving.abort();
    expect(await left).toBe('gone');
    await once(response, 'close');
    expect(response.writableFinished).toBe(false);
    expect(service.log.join()).not.toContain('gateway.failed');
  });

  test('breaks the answer off where the upstream does', async () => {
    upstream.answer = (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{"a":', () => response.destroy());
    };
    const response = await service.chat();
    await expect(response.text()).rejects.toThrow('terminated');
  });
});

test('the key of the upstream replaces that of the application', async () => {
  await using upstream = await startUpstream();
  const env = { OMNIROUTE_UPSTREAM_URL: upstream.url, OMNIROUTE_UPSTREAM_API_KEY: 'sk-upstream' };
  await using service = await startService({ env });
  await service.chat({ headers: { authorization: 'Bearer sk-app' } });
  await service.chat();
  expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual([
    'Bearer sk-upstream',
    'Bearer sk-upstream',
  ]);
});

test.each(['/some/prefix/v1', '/some/prefix/v1/', '', '/'])(
  'a base URL with the path "%s" is prefixed',
  async (prefix) => {
    await using upstream = await startUpstream();
    const base = `http://127.0.0.1:${upstream.port}${prefix}`;
    await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: base } });
    await service.chat();
    await fetch(`${service.url}/v1/models?x=1`);
    const trimmed = prefix.replace(/\/$/, '');
    expect(upstream.requests.map(({ path }) => path)).toEqual([
      `${trimmed}/chat/completions`,
      `${trimmed}/models?x=1`,
    ]);
  },
);

test.each(['127.0.0.1', 'localhost'])(
  'an unreachable upstream at %s is a 502 with the reason',
  async (host) => {
    const port = await (async () => {
      await using upstream = await startUpstream();
      return upstream.port;
    })();
    await using service = await startService({
      env: { OMNIROUTE_UPSTREAM_URL: `http://${host}:${port}/v1` },
    });
    const response = await service.chat();
    expect(response.status).toBe(502);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(response.headers.get('x-request-id')).toMatch(uuid);
    expect(await response.json()).toEqual({
      error: {
        type: 'upstream',
        code: 'UPSTREAM_UNAVAILABLE',
        message: expect.stringMatching(`^The upstream ${host}:${port} .*ECONNREFUSED`),
      },
    });
  },
);

describe('a compressed answer', () => {
  const plain = JSON.stringify(completionBody('hello'));
  const zipped = gzipSync(plain);
  const answer = bytes(200, zipped, { 'content-type': 'application/json', 'content-encoding': 'gzip' });

  async function ask(service: Service, headers: Record<string, string> = {}) {
    const url = `${service.url}/v1/models`;
    const response = await undiciRequest(url, { headers: { 'accept-encoding': 'gzip, br', ...headers } });
    return { headers: response.headers, body: Buffer.from(await response.body.arrayBuffer()) };
  }

  test('passes as it is, and is what the client asked for, without hooks', async () => {
    await using upstream = await startUpstream(answer);
    await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
    const { headers, body } = await ask(service);
    expect(upstream.requests[0]?.headers['accept-encoding']).toBe('gzip, br');
    expect(headers['content-encoding']).toBe('gzip');
    expect(body).toEqual(zipped);
  });

  test('is not asked for with hooks; they read it decoded, and the client gets the bytes', async () => {
    await using upstream = await startUpstream(answer);
    await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
    await service.add('records-calls');
    const { headers, body } = await ask(service);
    expect(upstream.requests[0]?.headers['accept-encoding']).toBe('identity');
    expect(headers['content-encoding']).toBe('gzip');
    expect(body).toEqual(zipped);
    const [, onResponse] = await recordedCalls(service);
    expect(onResponse?.response['data']).toEqual(completionBody('hello'));
  });

  test('that a hook changes is compressed no more', async () => {
    await using upstream = await startUpstream(answer);
    await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
    await service.add('response-cases');
    const { headers, body } = await ask(service, { 'x-case': 'changes it in place and returns it' });
    expect(headers).not.toHaveProperty('content-encoding');
    expect(headers['content-length']).toBe(String(body.length));
    expect(JSON.parse(body.toString())).toEqual({ ...completionBody('hello'), model: 'changed' });
  });

  test.each(['returns headers only', 'returns one header'])(
    'can still be read after a hook %s',
    async (name) => {
      await using upstream = await startUpstream(answer);
      await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
      await service.add('response-cases');
      const { headers, body } = await ask(service, { 'x-case': name });
      expect(headers['x-added']).toBe('yes');
      const read = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      expect(read.toString()).toBe(plain);
    },
  );

  test('that does not decode passes as it is', async () => {
    const broken = bytes(200, 'not gzip', { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    await using upstream = await startUpstream(broken);
    await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
    await service.add('records-calls');
    const { headers, body } = await ask(service);
    expect(headers['content-encoding']).toBe('gzip');
    expect(body.toString()).toBe('not gzip');
  });
});
