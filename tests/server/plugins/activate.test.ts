import { rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { act, install, runRequest } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { numberInside } from '../../helpers/processes.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

/** Writes over the files of an installed plugin. */
function edit(
  service: Service,
  name: string,
  manifest: Record<string, unknown>,
  source = 'export function onRequest() {}',
) {
  return writePackage(join(service.dataDir, 'plugins', name), { name, ...manifest }, { 'index.js': source });
}

test.each([
  ['has a syntax error', 'has-syntax-error', ['Unexpected end of input']],
  ['throws at load', 'throws-at-load', ['broken on purpose']],
  ['lacks an export that it declares', 'lacks-a-declared-hook', ['onResponse']],
  ['exits at load', 'exits-at-load', ['exited with code 0', 'leaving at once']],
  ['throws in onActivate', 'throws-in-on-activate', ['onActivate', 'not today']],
])('a plugin that %s is not active, and the reason is kept', async (_what, name, reasons) => {
  await using service = await startService();
  await service.add(name, { activate: false });
  const { status, error } = await act(service, name, 'activate');
  expect({ status, code: error.code }).toEqual({ status: 422, code: 'ACTIVATION_FAILED' });
  const plugin = await service.plugin(name);
  expect(plugin).toMatchObject({
    status: 'error',
    enabled: false,
    activatedAt: null,
    process: { state: 'failed', pid: null },
  });
  for (const reason of reasons) {
    expect(error.message).toContain(reason);
    expect(plugin.errorMessage).toContain(reason);
  }
  expect((await service.chat()).status).toBe(200);
});

test('what a failed plugin said last on stderr is in its error message', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  const source = `console.error('reading settings'); console.error('no settings'); process.exit(3);`;
  await writePackage(folder.path, { name: 'complains' }, { 'index.js': source });
  await install(service, folder.path);
  await act(service, 'complains', 'activate');
  expect((await service.plugin('complains')).errorMessage).toMatch(/code 3[^]*reading settings\nno settings/);
});

test('activating an active plugin is a success, and leaves its process alone', async () => {
  await using service = await startService();
  const { process, activatedAt } = await service.add('appends-to-message');
  expect((await act(service, 'appends-to-message', 'activate')).status).toBe(200);
  const plugin = await service.plugin('appends-to-message');
  expect({ pid: plugin.process.pid, activatedAt: plugin.activatedAt }).toEqual({
    pid: process.pid,
    activatedAt,
  });
});

test('many activations at the same time start one process', async () => {
  await using service = await startService();
  await service.add('reports-process', { activate: false });
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => act(service, 'reports-process', 'activate')),
  );
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  const { pid } = (await service.plugin('reports-process')).process;
  expect((await runRequest(service)).metadata).toMatchObject({ pid: await numberInside(pid) });
});

test('a re-activation that fails keeps the wish to have it enabled', async () => {
  await using service = await startService();
  await service.add('appends-to-message');
  await edit(service, 'appends-to-message', { hooks: { onRequest: true } }, 'throw new Error("spoiled");');
  const { status } = await act(service, 'appends-to-message', 'restart');
  expect(status).toBe(422);
  const plugin = await service.plugin('appends-to-message');
  expect(plugin).toMatchObject({ status: 'error', enabled: true, process: { state: 'failed', pid: null } });
  expect(plugin.errorMessage).toContain('spoiled');
});

test('a plugin in error is activated once its file is mended', async () => {
  await using service = await startService();
  await service.add('throws-at-load', { activate: false });
  expect((await act(service, 'throws-at-load', 'activate')).status).toBe(422);
  await edit(service, 'throws-at-load', { hooks: { onRequest: true } });
  expect((await act(service, 'throws-at-load', 'activate')).status).toBe(200);
  expect(await service.plugin('throws-at-load')).toMatchObject({
    status: 'active',
    enabled: true,
    errorMessage: null,
  });
});

test('an edited plugin.json refreshes version, hooks, description and config schema', async () => {
  await using service = await startService();
  await service.add('appends-to-message');
  await edit(
    service,
    'appends-to-message',
    {
      version: '1.5.0',
      description: 'edited',
      hooks: { onResponse: true },
      configSchema: { limit: { type: 'number', default: 3 } },
    },
    `export function onResponse(ctx, response) {
      return { headers: { 'x-limit': String(ctx.config.limit) } };
    }`,
  );
  expect((await act(service, 'appends-to-message', 'restart')).status).toBe(200);
  expect(await service.plugin('appends-to-message')).toMatchObject({
    version: '1.5.0',
    description: 'edited',
    hooks: ['onResponse'],
    configSchema: { limit: { type: 'number', default: 3 } },
  });
  const response = await service.chat({ content: 'hello' });
  expect((await response.json()).choices[0].message.content).toBe('hello');
  expect(response.headers.get('x-limit')).toBe('3');
});

test.each<[string, RegExp, (service: Service) => Promise<unknown>]>([
  [
    'names another plugin',
    /'another'/,
    (service) => edit(service, 'appends-to-message', { name: 'another' }),
  ],
  ['is not valid any more', /version/, (service) => edit(service, 'appends-to-message', { version: 'one' })],
  [
    'does not match its integrity',
    /integrity/,
    (service) => edit(service, 'appends-to-message', { integrity: `sha256-${'A'.repeat(43)}=` }),
  ],
  [
    'is gone with its folder',
    /./,
    ({ dataDir }) => rename(join(dataDir, 'plugins/appends-to-message'), join(dataDir, 'elsewhere')),
  ],
  [
    'is behind a symlink in the place of its folder',
    /./,
    async ({ dataDir }) => {
      await rename(join(dataDir, 'plugins/appends-to-message'), join(dataDir, 'elsewhere'));
      await symlink(join(dataDir, 'elsewhere'), join(dataDir, 'plugins/appends-to-message'));
    },
  ],
  [
    'stands beside native code',
    /native/,
    ({ dataDir }) => writeFile(join(dataDir, 'plugins/appends-to-message/addon.node'), ''),
  ],
])('a plugin whose plugin.json %s is not activated', async (_what, reason, spoil) => {
  await using service = await startService();
  await service.add('appends-to-message', { activate: false });
  await spoil(service);
  const { status, error } = await act(service, 'appends-to-message', 'activate');
  expect({ status, code: error.code }).toEqual({ status: 422, code: 'ACTIVATION_FAILED' });
  const { errorMessage, ...plugin } = await service.plugin('appends-to-message');
  expect(plugin).toMatchObject({ name: 'appends-to-message', status: 'error', enabled: false });
  expect(errorMessage).toMatch(reason);
});

test('an edited plugin.json that asks for more than was agreed to needs consent', async () => {
  await using service = await startService();
  await service.add('appends-to-message', { activate: false });
  await edit(service, 'appends-to-message', {
    hooks: { onRequest: true },
    requires: { permissions: ['env'] },
  });
  const { status, error } = await act(service, 'appends-to-message', 'activate');
  expect({ status, code: error.code }).toEqual({ status: 412, code: 'CONSENT_REQUIRED' });
  expect(error.details).toMatchObject({ permissions: ['env'] });
  expect(await service.plugin('appends-to-message')).toMatchObject({ status: 'error', enabled: false });
});

test('an exported hook that the manifest does not declare is not called', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  const source = `export function onRequest() { return { metadata: { called: 'onRequest' } }; }
    export function onResponse() { return {}; }`;
  await writePackage(
    folder.path,
    { name: 'shy', hooks: { onResponse: true, onRequest: false } },
    { 'index.js': source },
  );
  await install(service, folder.path);
  await act(service, 'shy', 'activate');
  expect((await runRequest(service)).metadata).toEqual({});
});

test.each(['activate', 'deactivate', 'restart', 'uninstall'] as const)(
  '%s of a plugin that is not installed is 404',
  async (action) => {
    await using service = await startService();
    const { status, error } = await act(service, 'never-seen', action);
    expect({ status, code: error.code }).toEqual({ status: 404, code: 'PLUGIN_NOT_FOUND' });
  },
);
