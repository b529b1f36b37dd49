import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Service, type ServiceOptions, startService } from '../helpers/service.ts';
import { json, startUpstream } from '../helpers/upstream.ts';

const folder = fileURLToPath(new URL('../../plugins/request-logger', import.meta.url));

test('logs a request and its response with status, duration and usage, under one id', async () => {
  await using service = await withLogger();
  const response = await service.chat({ content: 'hello' });
  await response.text();
  const requestId = response.headers.get('x-request-id');
  expect(await logged(service, 2)).toEqual([
    {
      level: 'info',
      event: 'request',
      requestId,
      method: 'POST',
      path: '/v1/chat/completions',
      model: 'test-model',
      provider: 'omniroute',
      stream: false,
    },
    {
      level: 'info',
      event: 'response',
      requestId,
      status: 200,
      durationMs: expect.any(Number),
      source: 'upstream',
      streamed: false,
      usage: { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 },
    },
  ]);
});

test('logs a stream at its end, with its usage', async () => {
  await using service = await withLogger();
  await (await service.chat({ content: 'hello', stream: true })).text();
  expect((await logged(service, 2))[1]).toMatchObject({ streamed: true, usage: { total_tokens: 4 } });
});

test('logs an error of the upstream as an error, and its answer as a warning', async () => {
  await using upstream = await startUpstream(json(529, { error: { message: 'overloaded' } }));
  await using service = await withLogger({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await (await service.chat()).text();
  expect((await logged(service, 3)).slice(1)).toMatchObject([
    { level: 'error', event: 'error', code: 'UPSTREAM_STATUS', status: 529 },
    { level: 'warn', event: 'response', status: 529 },
  ]);
});

test('writes bodies only when told to, and no more of them than told', async () => {
  await using service = await withLogger();
  await configure(service, { includeBody: true, maxBodyLength: 12 });
  await (await service.chat({ content: 'hello' })).text();
  expect(await logged(service, 2)).toMatchObject([{ body: '{"model":"te…' }, { body: '{"id":"chatc…' }]);
});

test('writes nothing below its log level', async () => {
  await using service = await withLogger();
  await configure(service, { logLevel: 'warn' });
  await (await service.chat()).text();
  await configure(service, { logLevel: 'debug' });
  await (await service.chat()).text();
  expect((await logged(service, 3)).map(({ event }) => event)).toEqual(['request', 'headers', 'response']);
});

async function withLogger(options: ServiceOptions = {}): Promise<Service> {
  const service = await startService(options);
  await service.call('POST', '/api/plugins', { path: folder });
  await service.call('POST', '/api/plugins/request-logger/activate');
  return service;
}

async function configure(service: Service, config: object): Promise<void> {
  const answer = await service.call('PUT', '/api/plugins/request-logger/config', { config });
  expect(answer.status).toBe(200);
}

/** The lines of the plugin, once there are `count` of them. */
function logged(service: Service, count: number): Promise<Record<string, unknown>[]> {
  return service.until(async () => {
    const lines = (await service.logs('request-logger')).filter(({ stream }) => stream !== 'host');
    return lines.length >= count && lines.map(({ text }) => JSON.parse(text));
  });
}
