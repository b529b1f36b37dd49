import type { ErrorBody } from '@omniroute/shared/error-code';
import type {
  PipelineErrorOutput,
  PipelineRequestOutput,
  PipelineResponseOutput,
} from '@omniroute/shared/pipeline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addVariant } from '../../helpers/plugin-variant.ts';
import { recordedCalls } from '../../helpers/recorded-calls.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { completionBody } from '../../helpers/upstream.ts';

interface Outputs {
  request: PipelineRequestOutput;
  response: PipelineResponseOutput;
  error: PipelineErrorOutput;
}

async function call<N extends keyof Outputs>(service: Service, name: N, input: object): Promise<Outputs[N]> {
  const path = `/trpc/pipeline.${name}`;
  const { status, body } = await service.call<{ result: { data: Outputs[N] } }>('POST', path, input);
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body.result.data;
}

test('pipeline.request runs the hooks over a request and tells what became of it', async () => {
  await using service = await startService();
  await service.add('appends-to-message');
  await service.add('sets-metadata');
  const input = {
    requestId: 'request-1',
    headers: { 'X-Tag': 'a', Authorization: 'Bearer sk-secret' },
    body: { model: 'm', messages: [{ role: 'user', content: 'hello' }] },
    metadata: { given: 1 },
  };
  expect(await call(service, 'request', input)).toEqual({
    requestId: 'request-1',
    blocked: false,
    body: { model: 'm', messages: [{ role: 'user', content: 'hello (seen)' }] },
    metadata: { given: 1, seenBy: 'sets-metadata' },
    headers: { 'x-tag': 'a', 'content-type': 'application/json' },
  });
});

test('pipeline.request tells of a block with its response', async () => {
  await using service = await startService();
  await service.add('blocks-with-429');
  const output = await call(service, 'request', { body: {} });
  expect(output).toMatchObject({
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    blocked: true,
    response: {
      status: 429,
      headers: { 'retry-after': '7' },
      data: { error: { message: 'slow down' } },
      source: 'plugin',
    },
  });
});

test('pipeline.request passes method, path, model, provider and stream on to the hooks', async () => {
  await using service = await startService();
  await service.add('records-calls');
  const about = { method: 'PUT', path: '/v1/files', model: 'given', provider: 'elsewhere', stream: true };
  await call(service, 'request', { ...about, body: { model: 'in the body' } });
  await call(service, 'request', { body: { model: 'in the body' } });
  const [given, byDefault] = await recordedCalls(service);
  expect(given?.ctx).toMatchObject(about);
  expect(byDefault?.ctx).toMatchObject({
    method: 'POST',
    path: '/v1/chat/completions',
    model: 'in the body',
    provider: 'omniroute',
    stream: false,
  });
});

test('pipeline.response runs onResponse and gives the response and the metadata back', async () => {
  await using service = await startService();
  await service.add('response-cases');
  const input = { headers: { 'x-case': 'returns data only' }, body: {}, metadata: { one: 1 } };
  const response = { status: 201, headers: { 'x-limit': '9' }, data: completionBody('hi'), durationMs: 12 };
  expect(await call(service, 'response', { ...input, response })).toEqual({
    response: {
      status: 201,
      headers: { 'x-limit': '9', 'content-type': 'application/json; charset=utf-8' },
      data: { model: 'changed' },
      streamed: false,
      usage: null,
      durationMs: 12,
      source: 'upstream',
    },
    metadata: { one: 1 },
  });
});

test('pipeline.response does not change a response that was streamed', async () => {
  await using service = await startService();
  await service.add('response-cases');
  const response = { data: { model: 'given' }, streamed: true };
  const output = await call(service, 'response', {
    headers: { 'x-case': 'returns data only' },
    body: {},
    response,
  });
  expect(output.response.data).toEqual({ model: 'given' });
});

test('pipeline.error gives the fallback, or nothing', async () => {
  await using service = await startService();
  await service.add('records-calls');
  const error = { code: 'UPSTREAM_STATUS', message: 'broken', status: 500, body: { reason: 'x' } };
  expect(await call(service, 'error', { body: { model: 'm' }, error })).toEqual({});
  await addVariant(service, 'falls-back', {});
  expect((await call(service, 'error', { body: { model: 'm' }, error })).response).toMatchObject({
    status: 200,
    source: 'fallback',
    headers: { 'x-fallback': 'UPSTREAM_STATUS' },
    data: { object: 'chat.completion', model: 'm' },
  });
  const [seen] = await recordedCalls(service);
  expect(seen?.error).toEqual(error);
});

describe('an input that is not acceptable', () => {
  let service: Service;

  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service[Symbol.asyncDispose]());

  test.each([
    ['request', { body: {}, requestId: 'two words' }, 'requestId'],
    ['request', { body: {}, method: 'post' }, 'method'],
    ['request', { body: {}, path: 'v1' }, 'path'],
    ['request', { body: {}, headers: { a: 1 } }, 'headers.a'],
    ['request', { body: {}, metadata: [] }, 'metadata'],
    ['request', { body: {}, stream: 'yes' }, 'stream'],
    ['request', { body: {}, unknown: 1 }, 'unknown'],
    ['response', { body: {} }, 'response'],
    ['response', { body: {}, response: { status: 99 } }, 'response.status'],
    ['response', { body: {}, response: { source: 'nobody' } }, 'response.source'],
    ['error', { body: {} }, 'error'],
    ['error', { body: {}, error: { code: 'NONE', message: '' } }, 'error.code'],
  ])('pipeline.%s refuses %j and names the field', async (name, input, field) => {
    const { status, body } = await service.call<{ error: { data: { app: ErrorBody['error'] } } }>(
      'POST',
      `/trpc/pipeline.${name}`,
      input,
    );
    expect(status).toBe(400);
    expect(body.error.data.app.code).toBe('INVALID_REQUEST');
    expect(JSON.stringify(body.error.data.app)).toContain(field);
  });
});
