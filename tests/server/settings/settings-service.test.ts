import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '@omniroute/server/database/open-database';
import { systemRuntime } from '@omniroute/server/runtime';
import { SettingsRepository } from '@omniroute/server/settings/settings-repository';
import { SettingsService } from '@omniroute/server/settings/settings-service';
import { defaultSettings } from '@omniroute/shared/settings';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrationsDir, startTestService } from '../http/test-service.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'omniroute-settings-'));
});
afterEach(() => rm(dataDir, { recursive: true }));

async function open() {
  const database = await openDatabase({ file: join(dataDir, 'omniroute.sqlite'), migrationsDir });
  const settings = new SettingsService({
    repository: new SettingsRepository(database),
    runtime: systemRuntime,
    port: () => 20_128,
  });
  return { settings, [Symbol.asyncDispose]: () => database.destroy() };
}

test('are the defaults at first', async () => {
  await using opened = await open();
  expect(await opened.settings.get()).toEqual(defaultSettings);
});

test('PATCH /api/settings really persists, over a restart', async () => {
  const pluginMarketplaceUrl = 'https://registry.example/plugins.json';
  const headers: [string, string][] = [['Content-Type', 'application/json']];
  {
    await using service = await startTestService({ dataDir });
    const body = JSON.stringify({ pluginMarketplaceUrl, pluginsPaused: true });
    const answer = await service.manage({ method: 'PATCH', path: '/api/settings', headers, body });
    expect(answer.json()).toEqual({ ...defaultSettings, pluginMarketplaceUrl, pluginsPaused: true });
  }
  await using service = await startTestService({ dataDir });
  const expected = { ...defaultSettings, pluginMarketplaceUrl, pluginsPaused: true };
  expect((await service.manage({ path: '/api/settings' })).json()).toEqual(expected);
  const body = JSON.stringify({ pluginMarketplaceUrl: null });
  await service.manage({ method: 'PATCH', path: '/api/settings', headers, body });
  expect((await service.manage({ path: '/api/settings' })).json()).toEqual({
    ...expected,
    pluginMarketplaceUrl: null,
  });
});

test('show no key, and keep it when its mask is written back', async () => {
  await using opened = await open();
  const { settings } = opened;
  expect(await settings.update({ upstreamApiKey: 'sk-secret' })).toMatchObject({ upstreamApiKey: '••••' });
  await settings.update({ ...(await settings.get()), analyticsRetentionDays: 7 });
  expect(await settings.read()).toMatchObject({ upstreamApiKey: 'sk-secret', analyticsRetentionDays: 7 });
  await settings.update({ upstreamApiKey: null });
  expect(await settings.read()).toMatchObject({ upstreamApiKey: null });
});

test('tell their listeners before the update is answered', async () => {
  await using opened = await open();
  const seen: unknown[] = [];
  const stop = opened.settings.onChange((settings) => void seen.push(settings.upstreamApiKey));
  await opened.settings.update({ upstreamApiKey: 'sk-1' });
  expect(seen).toEqual(['sk-1']);
  stop();
  await opened.settings.update({ upstreamApiKey: 'sk-2' });
  expect(seen).toEqual(['sk-1']);
});

describe('the upstream', () => {
  test.each([
    'http://localhost:20128/v1',
    'http://LOCALHOST.:20128/v1',
    'http://127.0.0.1:20128',
    'http://127.1:20128',
    'http://2130706433:20128',
    'http://[::1]:20128/v1',
    'http://[::ffff:127.0.0.1]:20128/v1',
    'http://0.0.0.0:20128/v1',
    'https://localhost:20128/v1',
    'http://x.localhost:20128/v1',
  ])('may not be this service: %s', async (upstreamBaseUrl) => {
    await using opened = await open();
    await expect(opened.settings.update({ upstreamBaseUrl, pluginsPaused: true })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      details: [{ path: 'upstreamBaseUrl' }],
    });
    expect(await opened.settings.get()).toEqual(defaultSettings);
  });

  test.each(['http://localhost:11434/v1', 'https://api.example/v1', 'http://api.example:20128/v1'])(
    'may be %s',
    async (url) => {
      await using opened = await open();
      expect(await opened.settings.update({ upstreamBaseUrl: url })).toMatchObject({ upstreamBaseUrl: url });
    },
  );
});
