import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { hostLines, recordedCalls } from '../../helpers/recorded-calls.ts';
import { type Service, startService } from '../../helpers/service.ts';
import {
  chunk,
  completion,
  done,
  event,
  eventStream,
  held,
  startUpstream,
  type TestUpstream,
} from '../../helpers/upstream.ts';

const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const start = { 'content-type': 'text/event-stream; charset=utf-8' };

async function withUpstream(upstream: TestUpstream): Promise<Service> {
  return startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
}

/** Reads the next piece of a body as text. */
async function next(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return new TextDecoder().decode(value);
}

function readerOf(response: Response): ReadableStreamDefaultReader<Uint8Array> {
  if (!response.body) throw new Error('no body');
  return response.body.getReader();
}

describe.each(['no plugin', 'records-calls'])('a stream with %s', (plugin) => {
  let upstream: TestUpstream;
  let service: Service;

  beforeAll(async () => {
    upstream = await startUpstream();
    service = await withUpstream(upstream);
    if (plugin !== 'no plugin') await service.add(plugin);
  });
  beforeEach(() => {
    upstream.answer = completion('unused');
  });
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  test('reaches the client event by event, while the upstream is still at work', async () => {
    const { answer, next: nextRequest } = held();
    upstream.answer = answer;
    const asked = service.chat({ stream: true });
    const sending = await nextRequest();
    sending.writeHead(200, start);
    sending.flushHeaders();
    const response = await asked;
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const reader = readerOf(response);
    for (const piece of [chunk({ content: 'one' }), ': a comment\n\n', chunk({ content: 'two' })]) {
      sending.write(piece);
      expect(await next(reader)).toBe(piece);
    }
    sending.end(done);
    expect(await next(reader)).toBe(done);
    expect((await reader.read()).done).toBe(true);
  });

  test('reaches the client with every byte as it was sent, wherever it is cut', async () => {
    const all = Buffer.from(`${chunk({ content: 'caf\u00e9 \u{1F600}' }).replaceAll('\n', '\r\n')}${done}`);
    upstream.answer = (response) => {
      response.writeHead(200, start);
      const sendFrom = (at: number) => {
        if (at >= all.length) response.end();
        else response.write(all.subarray(at, at + 1), () => setImmediate(sendFrom, at + 1));
      };
      sendFrom(0);
    };
    const response = await service.chat({ stream: true });
    expect(Buffer.from(await response.arrayBuffer())).toEqual(all);
  });

  test('goes no faster than the client reads', async () => {
    const piece = Buffer.from(chunk({ content: 'x'.repeat(64 * 1024) }));
    const pieces = 768;
    let sent = 0;
    upstream.answer = (response) => {
      response.writeHead(200, start);
      const pump = () => {
        while (sent < pieces) {
          sent += 1;
          if (!response.write(piece)) return void response.once('drain', pump);
        }
        response.end(done);
      };
      pump();
    };
    const request = httpRequest(`${service.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    request.end('{"stream":true}');
    const [response]: IncomingMessage[] = await once(request, 'response');
    // Nobody reads: what was sent comes to a halt.
    let quiet = { sent: -1, polls: 0 };
    await service.until(async () => {
      quiet = quiet.sent === sent ? { sent, polls: quiet.polls + 1 } : { sent, polls: 0 };
      return quiet.polls >= 10;
    });
    expect(sent).toBeLessThan(pieces / 2);
    let received = 0;
    for await (const bytes of response ?? []) received += bytes.length;
    expect(received).toBe(pieces * piece.length + done.length);
  });

  test('ends at the upstream when a client that does not read leaves', async () => {
    const piece = chunk({ content: 'x'.repeat(64 * 1024) });
    const { answer, next: nextRequest } = held();
    upstream.answer = answer;
    const request = httpRequest(`${service.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    request.on('error', () => {});
    request.end('{"stream":true}');
    const sending = await nextRequest();
    sending.writeHead(200, start);
    const isClosed = once(sending, 'close');
    // More than the buffers on the way hold: the gateway waits for the client when it leaves.
    for (let sent = 0; sent < 768; sent += 1) sending.write(piece);
    await once(request, 'response');
    request.destroy();
    await isClosed;
    expect(sending.writableFinished).toBe(false);
  });

  test('ends at the upstream when the client leaves', async () => {
    const { answer, next: nextRequest } = held();
    upstream.answer = answer;
    const leaving = new AbortController();
    const asked = fetch(`${service.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"stream":true}',
      signal: leaving.signal,
    });
    const sending = await nextRequest();
    sending.writeHead(200, start);
    sending.write(chunk({ content: 'one' }));
    await next(readerOf(await asked));
    leaving.abort();
    await once(sending, 'close');
    expect(sending.writableFinished).toBe(false);
    expect(service.log.join()).not.toContain('gateway.failed');
  });

  test.each([
    ['between two events', chunk({ content: 'one' })],
    ['in the middle of an event', `${chunk({ content: 'one' })}data: {"choices":[{"del`],
  ])('that breaks off %s ends with an error event', async (_, sent) => {
    upstream.answer = (response) => {
      response.writeHead(200, start);
      response.write(sent, () => response.destroy());
    };
    const response = await service.chat({ stream: true });
    const text = await response.text();
    expect(text.startsWith(sent)).toBe(true);
    const last = text.trimEnd().split(/\n\n+/).at(-1);
    const [name, data = ''] = last?.split('\n') ?? [];
    expect(name).toBe('event: error');
    expect(JSON.parse(data.slice('data: '.length)).error).toMatchObject({
      type: 'upstream',
      code: 'UPSTREAM_UNAVAILABLE',
    });
  });
});

test('onRequest has changed what the upstream of a stream gets', async () => {
  await using upstream = await startUpstream(eventStream([chunk({ content: 'hi' }), done]));
  await using service = await withUpstream(upstream);
  await service.add('appends-to-message');
  await (await service.chat({ content: 'hello', stream: true })).text();
  expect(JSON.parse(upstream.requests[0]?.body.toString() ?? '')).toMatchObject({
    stream: true,
    messages: [{ content: 'hello (seen)' }],
  });
});

test.each([
  ['in a chunk of its own', [chunk({}, 'stop'), event({ choices: [], usage })], usage, 5],
  ['in the last chunk', [chunk({}, 'stop', { usage })], usage, 4],
  ['nowhere', [chunk({}, 'length')], null, 4],
])(
  'at the end of a stream the hooks get the whole answer, with its usage %s',
  async (_, last, expected, chunks) => {
    const deltas = [{ role: 'assistant', content: '' }, { content: 'caf\u00e9 ' }, { content: '\u{1F600}' }];
    const pieces = [...deltas.map((delta) => chunk(delta)), ...last, ': bye\n\n', done];
    await using upstream = await startUpstream(eventStream(pieces));
    await using service = await withUpstream(upstream);
    await service.add('records-calls');
    const response = await service.chat({ stream: true });
    expect(await response.text()).toBe(pieces.join(''));
    const calls = await recordedCalls(service, 3);
    expect(calls.map(({ hook }) => hook)).toEqual(['onRequest', 'onResponse', 'onStreamComplete']);
    const finishReason = expected === null ? 'length' : 'stop';
    expect(calls[1]?.response).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/event-stream' },
      streamed: true,
      usage: expected,
      source: 'upstream',
      data: {
        id: 'chatcmpl-1',
        object: 'chat.completion',
        model: 'test-model',
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: 'caf\u00e9 \u{1F600}' },
            finish_reason: finishReason,
          },
        ],
      },
    });
    expect(calls[2]?.summary).toEqual({
      status: 200,
      usage: expected,
      durationMs: expect.any(Number),
      chunks,
      finishReason,
    });
  },
);

test('the embedded model streams to the hooks as a provider does', async () => {
  await using service = await startService();
  await service.add('records-calls');
  await (await service.chat({ content: 'a b c', stream: true })).text();
  const calls = await recordedCalls(service, 3);
  expect(calls.map(({ hook }) => hook)).toEqual(['onRequest', 'onResponse', 'onStreamComplete']);
  expect(calls[1]?.response.data).toMatchObject({ choices: [{ message: { content: 'a b c' } }] });
  expect(calls[2]?.summary).toMatchObject({ finishReason: 'stop', usage: { total_tokens: 4 } });
});

test('what onResponse returns for a stream is ignored', async () => {
  const pieces = [chunk({ content: 'hi' }, 'stop'), done];
  await using upstream = await startUpstream(eventStream(pieces, { 'x-limit': '9' }));
  await using service = await withUpstream(upstream);
  await service.add('response-cases');
  const response = await service.chat({ stream: true, headers: { 'x-case': 'returns data only' } });
  expect(response.headers.get('x-limit')).toBe('9');
  expect(await response.text()).toBe(pieces.join(''));
});

test('a stream that comes compressed passes as it is, and the hooks hear of its end', async () => {
  const zipped = gzipSync(chunk({ content: 'hi' }));
  await using upstream = await startUpstream(eventStream([zipped], { 'content-encoding': 'gzip' }));
  await using service = await withUpstream(upstream);
  await service.add('records-calls');
  const response = await service.chat({ stream: true });
  expect(await response.text()).toBe(chunk({ content: 'hi' }));
  const [, onResponse, onStreamComplete] = await recordedCalls(service, 3);
  expect(onResponse?.response).toMatchObject({ streamed: true, usage: null });
  expect(onResponse?.response).not.toHaveProperty('data');
  expect(onStreamComplete?.summary).toMatchObject({ status: 200, finishReason: null });
});

test('a broken stream runs onError with STREAM_BROKEN, and then the hooks of its end', async () => {
  await using upstream = await startUpstream((response) => {
    response.writeHead(200, start);
    response.write(chunk({ content: 'so far' }), () => response.destroy());
  });
  await using service = await withUpstream(upstream);
  await service.add('records-calls');
  await (await service.chat({ stream: true })).text();
  const calls = await recordedCalls(service, 4);
  expect(calls.map(({ hook }) => hook)).toEqual(['onRequest', 'onError', 'onResponse', 'onStreamComplete']);
  expect(calls[1]?.error.code).toBe('STREAM_BROKEN');
  expect(calls[2]?.response.data).toMatchObject({ choices: [{ message: { content: 'so far' } }] });
  expect(calls[3]?.summary).toMatchObject({ chunks: 1, finishReason: null });
});

test('a client that leaves a stream is no error of the upstream', async () => {
  const { answer, next: nextRequest } = held();
  await using upstream = await startUpstream(answer);
  await using service = await withUpstream(upstream);
  await service.add('records-calls');
  const leaving = new AbortController();
  const asked = fetch(`${service.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"stream":true}',
    signal: leaving.signal,
  });
  const sending = await nextRequest();
  sending.writeHead(200, start);
  sending.write(chunk({ content: 'one' }));
  await next(readerOf(await asked));
  leaving.abort();
  await once(sending, 'close');
  const calls = await recordedCalls(service);
  expect(calls.map(({ hook }) => hook)).not.toContain('onError');
  expect(await hostLines(service, 'records-calls')).toEqual([]);
});
