import type { AnalyticsOutput, OverviewOutput } from '@omniroute/shared/analytics';
import type { ErrorBody } from '@omniroute/shared/error-code';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { analyticsOf, counting, metricsOf } from '../../helpers/analytics.ts';
import { addVariant } from '../../helpers/plugin-variant.ts';
import { type Service, startService } from '../../helpers/service.ts';

async function query<T>(service: Service, name: string, input?: object): Promise<T> {
  const text = input === undefined ? '' : `?input=${encodeURIComponent(JSON.stringify(input))}`;
  const { status, body } = await service.call<{ result: { data: T } }>(
    'GET',
    `/trpc/analytics.${name}${text}`,
  );
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body.result.data;
}

describe('of a plugin with a success and a failure', () => {
  const clock = { now: new Date('2026-05-05T12:00:30Z') };
  let service: Service;

  beforeAll(async () => {
    service = await startService({ now: () => clock.now });
    await addVariant(service, 'does-as-told', { hooks: { onRequest: { failure: 'closed' } } });
    await service.add('adds-word', { activate: false });
    await service.chat();
    clock.now = new Date('2026-05-05T12:01:30Z');
    await service.chat({ headers: { 'x-on-request': 'throw' } });
  });
  afterAll(() => service[Symbol.asyncDispose]());

  test('REST and tRPC give the same metrics', async () => {
    const metrics = await metricsOf(service, 'does-as-told');
    expect(metrics).toEqual({
      metrics: [
        {
          event: 'onRequest',
          calls: 2,
          errors: 1,
          totalDurationMs: expect.any(Number),
          averageMs: expect.any(Number),
          lastCalledAt: '2026-05-05T12:01:30.000Z',
        },
      ],
      windowMinutes: 60,
      hooks: [
        {
          hook: 'onRequest',
          ...counting({ calls: 2, errors: 1, refusals: 1 }),
          p50Ms: expect.any(Number),
          p95Ms: expect.any(Number),
          p99Ms: expect.any(Number),
        },
      ],
    });
    expect(await query(service, 'metrics', { name: 'does-as-told' })).toEqual(metrics);
  });

  test('a window of minutes has the current one and those before it', async () => {
    const { hooks, windowMinutes } = await metricsOf(service, 'does-as-told', '?windowMinutes=1');
    expect(windowMinutes).toBe(1);
    expect(hooks).toMatchObject([counting({ calls: 1, errors: 1, refusals: 1 })]);
  });

  test('REST and tRPC give the same calls, newest first, and minutes, oldest first', async () => {
    const analytics = await analyticsOf(service, 'does-as-told');
    expect(analytics.calls).toEqual([
      {
        hook: 'onRequest',
        durationMs: expect.any(Number),
        success: false,
        error: 'THROW: broken on purpose',
        at: '2026-05-05T12:01:30.000Z',
      },
      {
        hook: 'onRequest',
        durationMs: expect.any(Number),
        success: true,
        error: null,
        at: '2026-05-05T12:00:30.000Z',
      },
    ]);
    expect(analytics.minutes).toMatchObject([
      { minute: '2026-05-05T12:00:00.000Z', hook: 'onRequest', ...counting({ calls: 1 }) },
      {
        minute: '2026-05-05T12:01:00.000Z',
        hook: 'onRequest',
        ...counting({ calls: 1, errors: 1, refusals: 1 }),
      },
    ]);
    expect(await query(service, 'get', { name: 'does-as-told' })).toEqual(analytics);
  });

  test.each<[query: string, calls: number, minutes: number]>([
    ['?limit=1', 1, 2],
    ['?success=true', 1, 2],
    ['?minutes=false', 2, 0],
    ['?hook=onResponse', 0, 0],
    ['?from=2026-05-05T12:01:00Z', 1, 1],
    ['?to=2026-05-05T12:01:00Z', 1, 2],
    ['?from=2026-05-05T14:01:00%2B02:00&to=2026-05-05T14:01:30%2B02:00', 1, 1],
    ['?from=2026-05-04T12:01:30Z', 2, 2],
    ['?to=2026-05-05T12:00:00Z', 0, 1],
  ])('GET …/analytics%s', async (search, calls, minutes) => {
    const output: AnalyticsOutput = await analyticsOf(service, 'does-as-told', search);
    expect(output.calls).toHaveLength(calls);
    expect(output.minutes).toHaveLength(minutes);
  });

  test('the overview has every installed plugin', async () => {
    expect(await query<OverviewOutput>(service, 'overview')).toEqual({
      windowMinutes: 60,
      plugins: [
        { name: 'adds-word', calls: 0, errors: 0, bypasses: 0, refusals: 0, p95Ms: null },
        { name: 'does-as-told', calls: 2, errors: 1, bypasses: 0, refusals: 1, p95Ms: expect.any(Number) },
      ],
    });
  });

  test.each(['metrics', 'analytics'])('%s of a plugin that is not installed are 404', async (path) => {
    const { status, body } = await service.call<ErrorBody>('GET', `/api/plugins/nobody/${path}`);
    expect(status).toBe(404);
    expect(body.error.code).toBe('PLUGIN_NOT_FOUND');
  });

  test.each([
    'metrics?windowMinutes=0',
    'metrics?windowMinutes=1441',
    'metrics?windowMinutes=1.5',
    'metrics?window=60',
    'analytics?hook=onNothing',
    'analytics?limit=0',
    'analytics?limit=1001',
    'analytics?limit=many',
    'analytics?from=yesterday',
    'analytics?from=2026-05-05',
    'analytics?success=yes',
    'analytics?from=2026-05-05T12:00:00Z&to=2026-05-05T12:00:00Z',
    'analytics?from=2027-01-01T00:00:00Z',
    'analytics?from=2026-04-01T00:00:00Z&to=2026-04-02T00:00:01Z',
  ])('%s is refused', async (path) => {
    const { status, body } = await service.call<ErrorBody>('GET', `/api/plugins/does-as-told/${path}`);
    expect(status).toBe(400);
    expect(body.error.code).toBe('INVALID_REQUEST');
  });

  test('nothing is told without credentials', async () => {
    for (const path of ['metrics', 'analytics']) {
      expect((await fetch(`${service.url}/api/plugins/does-as-told/${path}`)).status).toBe(401);
    }
    expect((await fetch(`${service.url}/trpc/analytics.overview`)).status).toBe(401);
  });
});

test('whoever watches the metrics hears which plugins were counted', async () => {
  await using service = await startService();
  await service.add('does-as-told');
  await service.add('adds-word');
  await service.call('POST', '/api/plugins/adds-word/deactivate');
  const input = encodeURIComponent(JSON.stringify({ topics: ['metrics'] }));
  const leaving = new AbortController();
  const { body } = await fetch(`${service.url}/trpc/events.stream?input=${input}`, {
    headers: { authorization: `Bearer ${service.token}` },
    signal: leaving.signal,
  });
  let text = '';
  for await (const piece of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    if (text === '') await service.chat();
    text += piece;
    if (text.includes('"topic":"metrics"')) break;
  }
  leaving.abort();
  expect(text).toContain('{"topic":"metrics","names":["does-as-told"]}');
});

test('reads while calls go on lose none of them', async () => {
  await using service = await startService();
  await service.add('does-as-told');
  const requests = Promise.all(Array.from({ length: 40 }, () => service.chat()));
  const reads = Promise.all(Array.from({ length: 10 }, () => metricsOf(service, 'does-as-told')));
  await Promise.all([requests, reads]);
  expect((await metricsOf(service, 'does-as-told')).metrics).toMatchObject([
    { event: 'onRequest', calls: 40 },
    { event: 'onResponse', calls: 40 },
  ]);
});
