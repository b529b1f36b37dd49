import type { ErrorBody } from '@omniroute/shared/error-code';
import type { PluginConfigOutput, UpdateConfigOutput } from '@omniroute/shared/plugin';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { query } from '../../helpers/footprint.ts';
import { act, install, runRequest } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { numberInside } from '../../helpers/processes.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const defaults = { greeting: 'hello', limit: 5, loud: false, level: 'low' };

async function put(service: Service, config: unknown, name = 'reports-config') {
  const answer = await service.call<UpdateConfigOutput & ErrorBody>('PUT', `/api/plugins/${name}/config`, {
    config,
  });
  return { status: answer.status, config: answer.body.config, error: answer.body.error };
}

async function read(service: Service) {
  return (await service.call<PluginConfigOutput>('GET', '/api/plugins/reports-config/config')).body;
}

function stored({ dataDir }: Service): unknown {
  return JSON.parse(String(query(dataDir, 'SELECT config FROM plugins')[0]?.config));
}

test('the plugin reads its config over the defaults', async () => {
  await using service = await startService();
  await service.add('reports-config', { activate: false });
  await put(service, { limit: 7 });
  await act(service, 'reports-config', 'activate');
  expect((await runRequest(service)).metadata.config).toEqual({ ...defaults, limit: 7 });
});

test('a change reaches the running plugin: same process, onConfigChange with config and previous', async () => {
  await using service = await startService();
  const { process } = await service.add('reports-config');
  expect((await runRequest(service)).metadata.config).toEqual(defaults);
  expect(await put(service, { greeting: 'hi' })).toMatchObject({ status: 200, config: { greeting: 'hi' } });
  expect((await runRequest(service)).metadata).toEqual({
    config: { ...defaults, greeting: 'hi' },
    changes: [{ config: { ...defaults, greeting: 'hi' }, previous: defaults }],
    pid: await numberInside(process.pid),
  });
  expect((await service.plugin('reports-config')).process.pid).toBe(process.pid);
});

test('PUT replaces the stored config: a value that is not given goes back to its default', async () => {
  await using service = await startService();
  await service.add('reports-config');
  await put(service, { limit: 7, greeting: 'hi' });
  await put(service, { loud: true });
  expect(await read(service)).toMatchObject({
    config: { loud: true },
    effective: { ...defaults, loud: true },
  });
  expect((await runRequest(service)).metadata.config).toEqual({ ...defaults, loud: true });
});

test('onConfigChange that throws is logged; the config is stored and read all the same', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  const source = `export function onConfigChange() { throw new Error('I liked the old one'); }
    export function onRequest({ config }) { return { metadata: { config } }; }`;
  await writePackage(
    folder.path,
    { name: 'conservative', hooks: { onRequest: true, onConfigChange: true } },
    { 'index.js': source },
  );
  await install(service, folder.path);
  await act(service, 'conservative', 'activate');
  expect((await put(service, { any: 1 }, 'conservative')).status).toBe(200);
  expect((await runRequest(service)).metadata).toEqual({ config: { any: 1 } });
  const lines = (await service.logs('conservative')).map(({ text }) => text);
  expect(lines.join('\n')).toContain('onConfigChange failed: I liked the old one');
});

describe('what the schema does not accept', () => {
  let service: Service;

  beforeAll(async () => {
    service = await startService();
    await service.add('reports-config');
    await put(service, { limit: 1 });
  });

  afterAll(() => service[Symbol.asyncDispose]());

  test.each<[string, unknown, string]>([
    ['greeting', 7, 'string'],
    ['greeting', null, 'string'],
    ['greeting', true, 'string'],
    ['greeting', ['a'], 'string'],
    ['greeting', {}, 'string'],
    ['greeting', '', 'at least 1'],
    ['greeting', 'x'.repeat(21), 'at most 20'],
    ['limit', '5', 'number'],
    ['limit', null, 'number'],
    ['limit', true, 'number'],
    ['limit', [5], 'number'],
    ['limit', -0.001, 'at least 0'],
    ['limit', 10.5, 'at most 10'],
    ['loud', 'true', 'true or false'],
    ['loud', 1, 'true or false'],
    ['loud', null, 'true or false'],
    ['level', 'middle', 'low, high, 3'],
    ['level', '3', 'low, high, 3'],
    ['level', false, 'string or a number'],
    ['level', null, 'string or a number'],
    ['apiKey', 5, 'string'],
  ])('%s = %j is refused by key, and nothing is stored or sent', async (key, value, message) => {
    const { status, error } = await put(service, { loud: true, [key]: value, another: 1 });
    expect({ status, code: error.code }).toEqual({ status: 400, code: 'INVALID_CONFIG' });
    expect(error.details).toEqual([{ key, message: expect.stringContaining(message) }]);
    expect(error.message).toContain(key);
    expect(stored(service)).toEqual({ limit: 1 });
    expect((await runRequest(service)).metadata.config).toEqual({ ...defaults, limit: 1 });
  });

  test('every key that is wrong is named', async () => {
    const { error } = await put(service, { limit: 'x', loud: 'x', greeting: 'fine', level: 'x' });
    expect(error.details).toMatchObject([{ key: 'limit' }, { key: 'loud' }, { key: 'level' }]);
  });

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['an array', []],
    ['a string', 'limit=5'],
  ])('%s as config is refused', async (_what, config) => {
    const { status, error } = await put(service, config);
    expect({ status, code: error.code }).toEqual({ status: 400, code: 'INVALID_REQUEST' });
  });

  test('more than 64 KiB is refused', async () => {
    const { status, error } = await put(service, { note: 'x'.repeat(64 * 1024) });
    expect({ status, code: error.code }).toEqual({ status: 400, code: 'INVALID_CONFIG' });
    expect(error.message).toContain('65536');
    expect(stored(service)).toEqual({ limit: 1 });
  });
});

describe('what the schema accepts', () => {
  let service: Service;

  beforeAll(async () => {
    service = await startService();
    await service.add('reports-config');
  });

  afterAll(() => service[Symbol.asyncDispose]());

  test.each<[string, unknown]>([
    ['greeting', 'x'],
    ['greeting', 'x'.repeat(20)],
    ['limit', 0],
    ['limit', 10],
    ['limit', 0.5],
    ['level', 3],
    ['level', 'high'],
    ['unknown', { nested: [null, 1, 'x'] }],
    ['constructor', 'a key like any other'],
  ])('%s = %j is stored, read back and sent', async (key, value) => {
    expect(await put(service, { [key]: value })).toMatchObject({ status: 200, config: { [key]: value } });
    expect((await read(service)).config).toEqual({ [key]: value });
    expect((await runRequest(service)).metadata.config).toEqual({ ...defaults, [key]: value });
  });
});

test('a secret reads back masked, reaches the plugin, and stays when the mask is written back', async () => {
  await using service = await startService();
  await service.add('reports-config');
  const answer = await put(service, { apiKey: 'sk-very-secret', limit: 1 });
  expect(answer.config).toEqual({ apiKey: '••••', limit: 1 });
  expect(await read(service)).toMatchObject({ config: { apiKey: '••••' }, effective: { apiKey: '••••' } });
  expect(JSON.stringify(await service.plugin('reports-config'))).not.toContain('sk-very-secret');
  await put(service, { apiKey: '••••', limit: 2 });
  expect(stored(service)).toEqual({ apiKey: 'sk-very-secret', limit: 2 });
  expect((await runRequest(service)).metadata.config).toMatchObject({ apiKey: 'sk-very-secret', limit: 2 });
  await put(service, { limit: 2 });
  expect(stored(service)).toEqual({ limit: 2 });
});

test('a mask without a stored secret stores nothing', async () => {
  await using service = await startService();
  await service.add('reports-config');
  await put(service, { apiKey: '••••' });
  expect(stored(service)).toEqual({});
});

test('a secret is in no log line', async () => {
  await using service = await startService();
  await service.add('reports-config');
  await put(service, { apiKey: 'sk-very-secret' });
  await put(service, { apiKey: 'sk-very-secret', limit: 'wrong' });
  await act(service, 'reports-config', 'restart');
  expect(service.log.join('')).not.toContain('sk-very-secret');
});

test('the config survives a restart of the service', async () => {
  await using folder = await temporaryFolder();
  {
    await using service = await startService({ dataDir: folder.path });
    await service.add('reports-config');
    await put(service, { limit: 8, apiKey: 'sk-1' });
  }
  await using service = await startService({ dataDir: folder.path });
  expect((await runRequest(service)).metadata.config).toEqual({ ...defaults, limit: 8, apiKey: 'sk-1' });
});

test('__proto__ in a config reaches no prototype', async () => {
  await using service = await startService();
  await service.add('reports-config');
  const response = await fetch(`${service.url}/api/plugins/reports-config/config`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${service.token}`, 'content-type': 'application/json' },
    body: '{"config":{"__proto__":{"polluted":"yes"},"limit":3}}',
  });
  expect([200, 400]).toContain(response.status);
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  const config = (await runRequest(service)).metadata.config;
  expect(config).not.toHaveProperty('polluted');
});
