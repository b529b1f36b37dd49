import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Service, startService } from '../../helpers/service.ts';

describe('the embedded model', () => {
  let service: Service;

  beforeAll(async () => {
    service = await startService({ now: () => new Date('2026-01-02T03:04:05Z') });
  });
  afterAll(() => service[Symbol.asyncDispose]());

  function post(body: unknown, path = '/v1/chat/completions') {
    return fetch(service.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  test('is listed', async () => {
    const response = await fetch(`${service.url}/v1/models`);
    expect(await response.json()).toEqual({
      object: 'list',
      data: [{ id: 'omniroute/echo', object: 'model', created: 0, owned_by: 'omniroute' }],
    });
    expect((await fetch(`${service.url}/v1/models/omniroute/echo`)).status).toBe(200);
    expect((await fetch(`${service.url}/v1/models/another`)).status).toBe(404);
  });

  test('answers with the last message of the user, under the name that was asked for', async () => {
    const messages = [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'first' },
      { role: 'user', content: 'last' },
      { role: 'assistant', content: null },
    ];
    expect(await (await post({ model: 'any/name', messages })).json()).toEqual({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{24}$/),
      object: 'chat.completion',
      created: Date.parse('2026-01-02T03:04:05Z') / 1_000,
      model: 'any/name',
      choices: [{ index: 0, message: { role: 'assistant', content: 'last' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 },
    });
  });

  test('gives the same answer to the same request', async () => {
    const body = { messages: [{ role: 'user', content: 'x' }] };
    const texts = await Promise.all([0, 1].map(async () => (await post(body)).text()));
    expect(texts[0]).toBe(texts[1]);
    expect(JSON.parse(texts[0] ?? '').model).toBe('omniroute/echo');
  });

  test.each([
    [
      'the text of content parts',
      [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'image_url', image_url: {} },
            { type: 'text', text: 'b' },
          ],
        },
      ],
      'ab',
    ],
    ['nothing without a message of the user', [{ role: 'system', content: 'x' }], ''],
    ['nothing for a message without content', [{ role: 'user' }], ''],
    [
      'every character as it is',
      [{ role: 'user', content: ' \n\ta  b\u{1F600}"\\ ' }],
      ' \n\ta  b\u{1F600}"\\ ',
    ],
  ])('echoes %s, at once and as a stream', async (_, messages, expected) => {
    const whole = await (await post({ messages })).json();
    expect(whole.choices[0].message.content).toBe(expected);

    const response = await post({ messages, stream: true });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const events = (await response.text()).split('\n\n').filter((text) => text !== '');
    expect(events.pop()).toBe('data: [DONE]');
    const chunks = events.map((text) => JSON.parse(text.slice('data: '.length)));
    expect(chunks.map(({ choices }) => choices[0].delta.content ?? '').join('')).toBe(expected);
    expect(chunks[0].choices[0].delta.role).toBe('assistant');
    expect(chunks.at(-1)).toMatchObject({
      choices: [{ delta: {}, finish_reason: 'stop' }],
      usage: whole.usage,
    });
  });

  test('sends the usage as a chunk of its own where the client asks for it', async () => {
    const messages = [{ role: 'user', content: 'hello' }];
    const response = await post({ messages, stream: true, stream_options: { include_usage: true } });
    const events = (await response.text()).split('\n\n');
    const [last, usage] = events.slice(-4, -2).map((text) => JSON.parse(text.slice('data: '.length)));
    expect(last).not.toHaveProperty('usage');
    expect(usage).toMatchObject({ choices: [], usage: { total_tokens: 4 } });
  });

  test.each([
    ['no JSON', 'nothing of the kind'],
    ['null', 'null'],
    ['an array', []],
    ['no messages', {}],
    ['an empty list of messages', { messages: [] }],
    ['a message without a role', { messages: [{ content: 'x' }] }],
    ['a number as content', { messages: [{ role: 'user', content: 7 }] }],
    ['a number as model', { model: 7, messages: [{ role: 'user', content: 'x' }] }],
    ['text as the stream flag', { stream: 'yes', messages: [{ role: 'user', content: 'x' }] }],
    ['an empty body', ''],
  ])('answers %s with 400 and says what is wrong', async (_, body) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect((await response.json()).error).toMatchObject({
      code: 'INVALID_REQUEST',
      type: 'invalid_request',
      message: expect.stringContaining('Not a chat request'),
    });
  });

  test.each([
    ['POST', '/v1/embeddings'],
    ['POST', '/v1/completions'],
    ['POST', '/v1/responses'],
    ['GET', '/v1/files'],
    ['GET', '/v1'],
    ['DELETE', '/v1/models'],
  ])('says that it does not answer %s %s', async (method, path) => {
    const body = method === 'POST' ? { body: '{}' } : {};
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(service.url + path, { method, headers, ...body });
    expect(response.status).toBe(404);
    expect((await response.json()).error.message).toContain('OMNIROUTE_UPSTREAM_URL');
  });
});
