import { join } from 'node:path';
import { AnalyticsRepository } from '@omniroute/server/analytics/analytics-repository';
import { Retention } from '@omniroute/server/analytics/retention';
import { openDatabase } from '@omniroute/server/database/open-database';
import { createLogger } from '@omniroute/server/logger';
import { systemRuntime } from '@omniroute/server/runtime';
import { afterEach, expect, test, vi } from 'vitest';
import { poll } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { migrationsDir } from '../http/test-service.ts';

const msPerHour = 3_600_000;

afterEach(() => {
  vi.useRealTimers();
});

test('a clock that is set forward is believed an hour later', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'omniroute.sqlite');
  const database = await openDatabase({ file, migrationsDir });
  const wall = { ms: Date.parse('2026-05-05T12:00:00Z') };
  const runtime = { ...systemRuntime, now: () => new Date(wall.ms) };
  const log: string[] = [];
  const logger = createLogger('info', { write: (line) => log.push(line) });
  const repository = new AnalyticsRepository(database);
  const insert = (created_at: string) =>
    database
      .insertInto('plugin_analytics')
      .values({ plugin_name: 'p', hook: 'onRequest', duration_ms: 1, success: 1, created_at })
      .execute();
  const kept = async () =>
    (await database.selectFrom('plugin_analytics').select('created_at').execute()).map(
      (row) => row.created_at,
    );
  const passHour = (wallMs = msPerHour) => {
    wall.ms += wallMs;
    vi.advanceTimersByTime(msPerHour);
  };
  await insert('2026-05-05T11:00:00Z');

  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  const retention = new Retention(30, { repository, runtime, logger });
  retention.start();
  await insert('2026-01-01T00:00:00Z');
  passHour();
  await poll(async () => (await kept()).length === 1);

  passHour(365 * 24 * msPerHour);
  await poll(async () => log.some((line) => line.includes('analytics.clock-was-set')));
  expect(await kept()).toEqual(['2026-05-05T11:00:00Z']);
  passHour();
  await poll(async () => (await kept()).length === 0);
  await retention.stop();
  await database.destroy();
});
