import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { expect, test } from 'vitest';
import { analyticsOf, counting, countsOf, metricsOf, sum } from '../../helpers/analytics.ts';
import { addVariant } from '../../helpers/plugin-variant.ts';
import { poll, type Service, startService } from '../../helpers/service.ts';
import { startServiceProcess } from '../../helpers/service-process.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const msPerDay = 86_400_000;
const tables = ['plugin_metrics', 'plugin_analytics', 'plugin_hook_minutes'] as const;

function openDatabase(dataDir: string) {
  const database = new SqliteDatabase(join(dataDir, 'omniroute.sqlite'));
  const count = (table: string) =>
    database.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() ?? Number.NaN;
  return Object.assign(database, { count, [Symbol.dispose]: () => database.close() });
}

async function chat(service: Service, times: number, headers: Record<string, string> = {}): Promise<void> {
  const answers = await Promise.all(Array.from({ length: times }, () => service.chat({ headers })));
  await Promise.all(answers.map((answer) => answer.arrayBuffer()));
}

test('of the successes ten in a second are kept, of the failures all', async () => {
  const clock = { now: new Date('2026-05-05T12:00:00Z') };
  await using service = await startService({ now: () => clock.now });
  await addVariant(service, 'does-as-told', { hooks: { onRequest: true } });
  await chat(service, 25);
  await chat(service, 30, { 'x-on-request': 'throw' });
  clock.now = new Date(clock.now.getTime() + 1_000);
  await chat(service, 4);

  const kept = async (query: string) =>
    (await analyticsOf(service, 'does-as-told', `?limit=1000&${query}`)).calls.map(({ at }) =>
      at.slice(17, 19),
    );
  expect(await kept('success=false')).toEqual(Array.from({ length: 30 }, () => '00'));
  const successes = await kept('success=true');
  expect(successes.toSorted()).toEqual([...Array.from({ length: 10 }, () => '00'), '01', '01', '01', '01']);
  expect(await countsOf(service, 'does-as-told', 'onRequest')).toEqual(
    counting({ calls: 59, errors: 30, bypasses: 30 }),
  );
});

test('a service that restarts within a minute counts on', async () => {
  await using data = await temporaryFolder();
  const now = () => new Date('2026-05-05T12:00:30Z');
  {
    await using service = await startService({ dataDir: data.path, now });
    await addVariant(service, 'does-as-told', { hooks: { onRequest: true } });
    await chat(service, 3);
    await chat(service, 2, { 'x-on-request': 'throw' });
  }
  await using service = await startService({ dataDir: data.path, now });
  await chat(service, 4);
  const { minutes } = await analyticsOf(service, 'does-as-told');
  expect(minutes).toMatchObject([
    { minute: '2026-05-05T12:00:00.000Z', ...counting({ calls: 9, errors: 2, bypasses: 2 }) },
  ]);
  const { metrics } = await metricsOf(service, 'does-as-told');
  expect(metrics).toMatchObject([
    { event: 'onRequest', calls: 9, errors: 2, lastCalledAt: '2026-05-05T12:00:30.000Z' },
  ]);
  expect(metrics[0]?.averageMs).toBeCloseTo((metrics[0]?.totalDurationMs ?? 0) / 9);
  using database = openDatabase(data.path);
  const stored =
    database.prepare<[], string>('SELECT histogram FROM plugin_hook_minutes').pluck().get() ?? '';
  const histogram: Record<string, number> = JSON.parse(stored);
  expect(Object.values(histogram).reduce((total, count) => total + count)).toBe(9);
});

test('what was counted is in the database a second later, without anybody asking', async () => {
  await using service = await startService();
  await addVariant(service, 'does-as-told', { hooks: { onRequest: true } });
  await chat(service, 1);
  using database = openDatabase(service.dataDir);
  await service.until(async () => tables.every((table) => database.count(table) === 1));
});

test('a service that is killed loses nothing that was counted a second before', async () => {
  await using data = await temporaryFolder();
  {
    await using service = await startService({ dataDir: data.path });
    await addVariant(service, 'does-as-told', { hooks: { onRequest: true } });
  }
  {
    await using killed = await startServiceProcess(data.path);
    await Promise.all(Array.from({ length: 30 }, () => fetch(`${killed.url}/v1/models`)));
    using database = openDatabase(data.path);
    const counted = database.prepare<[], number>('SELECT sum(calls) FROM plugin_metrics').pluck();
    await poll(async () => counted.get() === 30);
    await killed.end('SIGKILL');
  }
  await using service = await startService({ dataDir: data.path });
  expect(await countsOf(service, 'does-as-told', 'onRequest')).toEqual(counting({ calls: 30 }));
  expect((await metricsOf(service, 'does-as-told')).metrics).toMatchObject([{ calls: 30 }]);
});

test('uninstalling leaves no count, whatever comes late', async () => {
  await using data = await temporaryFolder();
  {
    await using service = await startService({ dataDir: data.path });
    await service.add('answers-slowly');
    await chat(service, 300);
    expect((await metricsOf(service, 'answers-slowly')).metrics).toMatchObject([{ calls: 300 }]);
    const slow = service.chat({ content: 'slow' });
    await service.until(async () =>
      (await service.logs('answers-slowly')).some(({ text }) => text === 'started'),
    );
    expect((await service.call('DELETE', '/api/plugins/answers-slowly')).status).toBe(200);
    expect((await slow).status).toBe(200);
  }
  using database = openDatabase(data.path);
  for (const table of tables) expect(database.count(table)).toBe(0);
});

test('an installation that fails leaves no count', async () => {
  await using data = await temporaryFolder();
  {
    await using service = await startService({ dataDir: data.path });
    await expect(service.add('throws-in-on-install')).rejects.toThrow('422');
  }
  using database = openDatabase(data.path);
  for (const table of tables) expect(database.count(table)).toBe(0);
});

test('while the database is locked requests go on, and afterwards nothing is lost', async () => {
  await using service = await startService();
  await addVariant(service, 'does-as-told', { hooks: { onRequest: true } });
  await chat(service, 2);
  using other = openDatabase(service.dataDir);
  const complaints = () => service.log.filter((line) => line.includes('analytics.not-written'));
  other.exec('BEGIN IMMEDIATE');
  await chat(service, 20, { 'x-on-request': 'throw' });
  await service.until(async () => complaints().length > 0);
  const startedAt = performance.now();
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await chat(service, 1);
    await metricsOf(service, 'does-as-told');
  }
  // SQLite's own way to wait would have stopped the service for five seconds at each attempt.
  expect(performance.now() - startedAt).toBeLessThan(4_000);
  expect(complaints()).toHaveLength(1);

  other.exec('COMMIT');
  const counts = counting({ calls: 27, errors: 20, bypasses: 20 });
  expect(await countsOf(service, 'does-as-told', 'onRequest')).toEqual(counts);
  const { calls, minutes } = await analyticsOf(service, 'does-as-told', '?success=false&limit=1000');
  expect(calls).toHaveLength(20);
  expect(sum(minutes)).toEqual(counts);
  expect(service.log.some((line) => line.includes('analytics.written-again'))).toBe(true);
});

test('at a start what is too old goes, and what is too much; the totals stay', async () => {
  await using data = await temporaryFolder();
  const clock = { now: new Date('2026-05-05T12:00:00Z') };
  const now = () => clock.now;
  {
    await using service = await startService({ dataDir: data.path, now });
    await addVariant(service, 'does-as-told', { hooks: { onRequest: true } });
    await chat(service, 5);
  }
  clock.now = new Date(clock.now.getTime() + 31 * msPerDay);
  using database = openDatabase(data.path);
  insertCalls(database, 600, '2026-05-06T12:00:00.000Z');
  insertCalls(database, 200_700, clock.now.toISOString());
  await using service = await startService({ dataDir: data.path, now });
  await service.until(async () => database.count('plugin_analytics') === 200_000);
  expect(database.count('plugin_hook_minutes')).toBe(0);
  const oldest = database.prepare('SELECT min(created_at) FROM plugin_analytics').pluck().get();
  expect(oldest).toBe(clock.now.toISOString());
  expect((await metricsOf(service, 'does-as-told')).metrics).toMatchObject([{ calls: 5 }]);
}, 40_000);

test('keeping fewer days holds at once', async () => {
  const clock = { now: new Date('2026-05-05T12:00:00Z') };
  await using service = await startService({ now: () => clock.now });
  await addVariant(service, 'does-as-told', { hooks: { onRequest: true } });
  await chat(service, 5);
  await metricsOf(service, 'does-as-told');
  clock.now = new Date(clock.now.getTime() + 6 * msPerDay);
  await chat(service, 2);
  await metricsOf(service, 'does-as-told');
  using database = openDatabase(service.dataDir);
  expect(database.count('plugin_analytics')).toBe(7);
  await service.call('PATCH', '/api/settings', { analyticsRetentionDays: 5 });
  await service.until(async () => database.count('plugin_analytics') === 2);
  await service.until(async () => database.count('plugin_hook_minutes') === 1);
  expect((await metricsOf(service, 'does-as-told')).metrics).toMatchObject([{ calls: 7 }]);
});

function insertCalls(database: SqliteDatabase.Database, count: number, at: string): void {
  const insert = database.prepare(
    `INSERT INTO plugin_analytics (plugin_name, hook, duration_ms, created_at) VALUES ('does-as-told', 'onRequest', 1, ?)`,
  );
  database.transaction(() => {
    for (let index = 0; index < count; index += 1) insert.run(at);
  })();
}
