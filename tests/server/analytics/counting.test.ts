import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HookCounts } from '@omniroute/shared/analytics';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { analyticsOf, counting, countsOf, metricsOf, sum } from '../../helpers/analytics.ts';
import { addVariant } from '../../helpers/plugin-variant.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { type TemporaryFolder, temporaryFolder } from '../../helpers/temporary-folder.ts';
import { bytes, chunk, done, eventStream, startUpstream } from '../../helpers/upstream.ts';

/** Four of a kind that hang: a plugin that leaves five calls in a row unanswered is ended. */
const kinds: readonly (readonly [times: number, headers: Record<string, string>, status: number])[] = [
  [14, {}, 200],
  [5, { 'x-first': 'throw' }, 200],
  [2, { 'x-first': 'hang' }, 200],
  [3, { 'x-first': 'misreturn' }, 200],
  [4, { 'x-first': 'block' }, 403],
  [5, { 'x-second': 'throw' }, 503],
  [2, { 'x-second': 'hang' }, 503],
  [3, { 'x-second': 'block' }, 403],
  [4, { 'x-first-response': 'throw' }, 200],
  [3, { 'x-second-response': 'misreturn' }, 503],
  [2, { 'x-first': 'throw', 'x-second': 'throw', 'x-first-response': 'throw' }, 503],
];

describe('of requests that meet several hooks at the same time', () => {
  const timeoutMs = 3_000;
  let data: TemporaryFolder;
  let service: Service;
  let statuses: number[];

  beforeAll(async () => {
    data = await temporaryFolder();
    {
      await using before = await startService({ dataDir: data.path });
      const hook = (priority: number, failure: string) => ({ priority, failure, timeoutMs });
      const told = (name: string) => ({
        requestHeader: { type: 'string', default: `x-${name}` },
        responseHeader: { type: 'string', default: `x-${name}-response` },
      });
      await addVariant(before, 'does-as-told', {
        name: 'first',
        hooks: { onRequest: hook(1, 'open'), onResponse: hook(1, 'open') },
        configSchema: told('first'),
      });
      await addVariant(before, 'does-as-told', {
        name: 'second',
        hooks: { onRequest: hook(2, 'closed'), onResponse: hook(2, 'closed') },
        configSchema: told('second'),
      });
      await addVariant(before, 'adds-word', { name: 'down', hooks: { onRequest: hook(3, 'open') } });
    }
    await writeFile(join(data.path, 'plugins/down/index.js'), 'throw new Error("broken on disk");');
    service = await startService({ dataDir: data.path });
    const requests = kinds.flatMap(([times, headers]) =>
      Array.from({ length: times }, () => service.chat({ headers })),
    );
    statuses = (await Promise.all(requests)).map(({ status }) => status);
  });
  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await data[Symbol.asyncDispose]();
  });

  test('each is answered by its policies', () => {
    expect(statuses).toEqual(
      kinds.flatMap(([times, , status]) => Array.from({ length: times }, () => status)),
    );
  });

  const expected: [name: string, hook: string, HookCounts][] = [
    ['first', 'onRequest', counting({ calls: 47, errors: 12, timeouts: 2, blocks: 4, bypasses: 12 })],
    ['second', 'onRequest', counting({ calls: 43, errors: 9, timeouts: 2, blocks: 3, refusals: 9 })],
    ['down', 'onRequest', counting({ calls: 31, errors: 31, bypasses: 31 })],
    ['first', 'onResponse', counting({ calls: 47, errors: 6, bypasses: 6 })],
    ['second', 'onResponse', counting({ calls: 47, errors: 3, refusals: 3 })],
  ];

  test.each(expected)(
    '%s %s is counted right in the last hour, in every minute and in total',
    async (...row) => {
      const [name, hook, counts] = row;
      expect(await countsOf(service, name, hook)).toEqual(counts);
      const { minutes } = await analyticsOf(service, name, `?hook=${hook}`);
      expect(sum(minutes)).toEqual(counts);
      const { metrics } = await metricsOf(service, name);
      const { calls, errors } = counts;
      expect(metrics.find(({ event }) => event === hook)).toMatchObject({ calls, errors });
    },
  );

  test.each(expected)(
    'every failure of %s %s is recorded with its reason',
    async (name, hook, { errors }) => {
      const { calls } = await analyticsOf(service, name, `?hook=${hook}&success=false&limit=1000`);
      expect(calls).toHaveLength(errors);
      for (const call of calls) {
        expect(call).toMatchObject({ hook, success: false });
        expect(call.error).toMatch(/^(THROW|TIMEOUT|INVALID_RETURN|NOT_RUNNING): ./);
      }
    },
  );

  test('each failure is one bypass or one refusal', async () => {
    for (const name of ['first', 'second', 'down']) {
      for (const { errors, bypasses, refusals } of (await metricsOf(service, name)).hooks) {
        expect(bypasses + refusals).toBe(errors);
      }
    }
  });

  test('durations are those of the calls that ran to an end', async () => {
    const hooksOf = async (name: string) => (await metricsOf(service, name)).hooks;
    const [first] = await hooksOf('first');
    expect(first?.p99Ms).toBeGreaterThan(timeoutMs / 2 ** (1 / 4));
    expect(first?.p50Ms).toBeLessThan(timeoutMs);
    const [down] = await hooksOf('down');
    expect(down).toMatchObject({ p50Ms: null, p95Ms: null, p99Ms: null });
  });
});

test.each([
  ['open', 200, counting({ calls: 1, bypasses: 1 })],
  ['closed', 503, counting({ calls: 1, refusals: 1 })],
])(
  'a response that no hook can read: %s counts as what it is, without a call',
  async (failure, status, counts) => {
    await using upstream = await startUpstream(bytes(200, 'plain', { 'content-type': 'text/plain' }));
    await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
    await addVariant(service, 'does-as-told', { hooks: { onResponse: { failure } } });
    expect((await service.chat()).status).toBe(status);
    // The one call is of the answer without its body, or of the 503.
    await service.until(async () => (await countsOf(service, 'does-as-told', 'onResponse'))?.calls === 1);
    expect(await countsOf(service, 'does-as-told', 'onResponse')).toEqual(counts);
  },
);

test('what is refused for another hook has not gone past an open one', async () => {
  await using upstream = await startUpstream(bytes(200, 'plain', { 'content-type': 'text/plain' }));
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await addVariant(service, 'does-as-told', { name: 'closed', hooks: { onResponse: { failure: 'closed' } } });
  await addVariant(service, 'does-as-told', { name: 'open', hooks: { onResponse: true } });
  expect((await service.chat()).status).toBe(503);
  expect(await countsOf(service, 'closed', 'onResponse')).toEqual(counting({ calls: 1, refusals: 1 }));
  expect(await countsOf(service, 'open', 'onResponse')).toEqual(counting({ calls: 1 }));
});

test('a closed hook that fails for a stream that was sent has refused nothing', async () => {
  await using upstream = await startUpstream(
    eventStream([chunk({ content: 'hi' }), chunk({}, 'stop'), done]),
  );
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await addVariant(service, 'fails-on-response', { hooks: { onResponse: { failure: 'closed' } } });
  await (await service.chat({ stream: true })).text();
  await service.until(async () => (await countsOf(service, 'fails-on-response', 'onResponse'))?.calls);
  expect(await countsOf(service, 'fails-on-response', 'onResponse')).toEqual(
    counting({ calls: 1, errors: 1, bypasses: 1 }),
  );
});

test('a hook that observes is counted; its failure is a bypass, and its block none', async () => {
  await using service = await startService();
  await service.add('observes-slowly');
  await service.chat({ headers: { 'x-release': '1' } });
  await service.until(async () => (await countsOf(service, 'observes-slowly', 'onResponse'))?.calls);
  expect(await countsOf(service, 'observes-slowly', 'onRequest')).toEqual(counting({ calls: 1 }));
  expect(await countsOf(service, 'observes-slowly', 'onResponse')).toEqual(
    counting({ calls: 1, errors: 1, bypasses: 1 }),
  );
});

test('a call whose client has left is a call, and neither a success nor an error', async () => {
  await using service = await startService();
  await service.add('tells-when-aborted');
  const leaving = new AbortController();
  const left = service.chat({ signal: leaving.signal }).catch(() => 'gone');
  await service.until(async () =>
    (await service.logs('tells-when-aborted')).some(({ text }) => text === 'waiting'),
  );
  leaving.abort();
  expect(await left).toBe('gone');
  await service.until(async () => countsOf(service, 'tells-when-aborted', 'onRequest'));
  const { hooks } = await metricsOf(service, 'tells-when-aborted');
  expect(hooks).toEqual([
    { hook: 'onRequest', ...counting({ calls: 1 }), p50Ms: null, p95Ms: null, p99Ms: null },
  ]);
  expect((await analyticsOf(service, 'tells-when-aborted')).calls).toEqual([]);
});

test('a call that the plugin dies in is an error', async () => {
  await using service = await startService();
  await service.add('exits-in-hook');
  expect((await service.chat()).status).toBe(200);
  expect(await countsOf(service, 'exits-in-hook', 'onRequest')).toEqual(
    counting({ calls: 1, errors: 1, bypasses: 1 }),
  );
  const [call] = (await analyticsOf(service, 'exits-in-hook')).calls;
  expect(call?.error).toMatch(/^EXITED: /);
});

test('a call that finds too many in flight is an error', async () => {
  await using service = await startService();
  await addVariant(service, 'holds-calls', {
    hooks: { onRequest: { timeoutMs: 20_000, failure: 'closed' } },
  });
  const leaving = new AbortController();
  const left = service.chat({ signal: leaving.signal }).catch(() => 'gone');
  const held = Array.from({ length: 63 }, () => service.chat());
  await service.until(async () => (await service.logs('holds-calls')).some(({ text }) => text === 'held 64'));
  expect((await service.chat()).status).toBe(503);
  leaving.abort();
  await Promise.all([left, ...held]);
  expect(await countsOf(service, 'holds-calls', 'onRequest')).toEqual(
    counting({ calls: 65, errors: 1, refusals: 1, blocks: 63 }),
  );
  const { calls } = await analyticsOf(service, 'holds-calls', '?success=false');
  expect(calls).toMatchObject([{ error: expect.stringMatching(/^OVERLOADED: ./) }]);
});

test('the hooks of a plugin’s own life are counted, and let nothing pass or fail', async () => {
  await using service = await startService();
  await service.add('reports-config');
  await service.call('PUT', '/api/plugins/reports-config/config', { config: { limit: 2 } });
  expect(await countsOf(service, 'reports-config', 'onConfigChange')).toEqual(counting({ calls: 1 }));

  await service.add('adds-word');
  await service.call('PUT', '/api/plugins/adds-word/config', { config: { word: '?' } });
  expect((await metricsOf(service, 'adds-word')).metrics).toEqual([]);

  await service.add('throws-in-on-activate', { activate: false });
  await service.call('POST', '/api/plugins/throws-in-on-activate/activate');
  expect(await countsOf(service, 'throws-in-on-activate', 'onActivate')).toEqual(
    counting({ calls: 1, errors: 1 }),
  );
  const [call] = (await analyticsOf(service, 'throws-in-on-activate')).calls;
  expect(call).toMatchObject({ hook: 'onActivate', success: false, error: 'THROW: not today' });
});
