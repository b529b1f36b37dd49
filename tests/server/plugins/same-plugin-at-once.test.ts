import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fixture } from '../../helpers/fixture.ts';
import { footprint } from '../../helpers/footprint.ts';
import { act, install } from '../../helpers/plugin-calls.ts';
import { leavesOf } from '../../helpers/processes.ts';
import { startService } from '../../helpers/service.ts';

test('H3: of 50 installs of one plugin at once one is done, and the others find it installed', async () => {
  await using service = await startService();
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => install(service, fixture('logs-its-life'))),
  );
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  const others = answers.filter(({ status }) => status !== 201);
  expect(new Set(others.map(({ status, error }) => `${status} ${error.code}`))).toEqual(
    new Set(['409 VERSION_NOT_NEWER']),
  );
  expect((await service.plugins()).map(({ name }) => name)).toEqual(['logs-its-life']);
  const folders = await readdir(join(service.dataDir, 'plugins'));
  expect(folders.filter((name) => name !== '.previous')).toEqual(['logs-its-life']);
  expect((await footprint(service.dataDir)).operations).toEqual([]);
});

test('H4: what is asked of a plugin while it is uninstalled finds it gone', async () => {
  await using service = await startService();
  await service.add('logs-its-life');
  const [uninstalled, ...others] = await Promise.all([
    act(service, 'logs-its-life', 'uninstall'),
    ...(['activate', 'restart', 'deactivate', 'rollback', 'uninstall'] as const).map((action) =>
      act(service, 'logs-its-life', action),
    ),
  ]);
  expect(uninstalled.status).toBe(200);
  for (const { status, error } of others) {
    expect(`${status} ${error.code}`).toMatch(/^(404 PLUGIN_NOT_FOUND|409 PLUGIN_BUSY)$/);
  }
  expect(await leavesOf(process.pid)).toEqual([]);
  expect(await service.plugins()).toEqual([]);
});
