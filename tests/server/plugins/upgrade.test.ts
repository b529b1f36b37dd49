import { setTimeout as later } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { footprint } from '../../helpers/footprint.ts';
import { act, install, runRequest } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { numberInside } from '../../helpers/processes.ts';
import { startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const answering = (text: string) =>
  `export function onRequest() { return { metadata: { version: '${text}', pid: process.pid } }; }`;

/** Version `version` of one plugin, which says its version in the metadata. */
function write(
  dir: string,
  version: string,
  manifest: Record<string, unknown> = {},
  source = answering(version),
) {
  return writePackage(
    dir,
    { name: 'grows', version, hooks: { onRequest: true }, ...manifest },
    { 'index.js': source },
  );
}

test.each([
  ['the same version', '1.2.0'],
  ['an older version', '1.1.9'],
])('%s is refused, and changes nothing', async (_what, version) => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(service, await write(folder.path, '1.2.0'));
  const before = await footprint(service.dataDir);
  const { status, error } = await install(service, await write(folder.path, version));
  expect({ status, code: error.code }).toEqual({ status: 409, code: 'VERSION_NOT_NEWER' });
  expect(error.message).toMatch(/1\.2\.0.*replace/);
  expect(await footprint(service.dataDir)).toEqual(before);
});

test('with replace the same version is installed over itself, and runs the new code', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(service, await write(folder.path, '1.0.0'));
  await act(service, 'grows', 'activate');
  await write(folder.path, '1.0.0', {}, answering('1.0.0, edited'));
  expect((await install(service, folder.path, { replace: true })).status).toBe(201);
  expect((await runRequest(service)).metadata).toMatchObject({ version: '1.0.0, edited' });
});

test('a newer version keeps id and installedAt, and an active plugin is active on it', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  const first = await install(service, await write(folder.path, '1.0.0'));
  await act(service, 'grows', 'activate');
  await later(2);
  const { status, plugin } = await install(
    service,
    await write(folder.path, '1.10.0', { description: 'newer' }),
  );
  expect(status).toBe(201);
  expect(plugin).toMatchObject({
    id: first.plugin.id,
    installedAt: first.plugin.installedAt,
    version: '1.10.0',
    description: 'newer',
    status: 'active',
    enabled: true,
  });
  expect(plugin.updatedAt > first.plugin.updatedAt).toBe(true);
  expect((await runRequest(service)).metadata).toMatchObject({
    version: '1.10.0',
    pid: await numberInside(plugin.process.pid),
  });
});

test('an inactive plugin stays inactive on its newer version', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(service, await write(folder.path, '1.0.0'));
  const { plugin } = await install(service, await write(folder.path, '2.0.0'));
  expect(plugin).toMatchObject({
    version: '2.0.0',
    status: 'installed',
    enabled: false,
    process: { state: 'stopped' },
  });
});

test('files that the newer version does not have are gone', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await using other = await temporaryFolder();
  await writePackage(folder.path, { name: 'grows' }, { 'index.js': '', 'old.js': '' });
  await install(service, folder.path);
  await writePackage(other.path, { name: 'grows', version: '2.0.0' }, { 'index.js': '', 'new.js': '' });
  await install(service, other.path);
  const { files } = await footprint(service.dataDir);
  expect(files).toContain('plugins/grows/new.js');
  expect(files).not.toContain('plugins/grows/old.js');
});

const withLimit = (max: number) => ({
  configSchema: {
    limit: { type: 'number', default: 1, max },
    greeting: { type: 'string', default: 'hello' },
  },
});

test('config goes back to the defaults', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(service, await write(folder.path, '1.0.0', withLimit(10)));
  await service.call('PUT', '/api/plugins/grows/config', { config: { limit: 9 } });
  const { plugin } = await install(service, await write(folder.path, '2.0.0', withLimit(10)));
  expect(plugin.config).toEqual({});
});

test('with keepConfig the values stay that the new schema accepts', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(service, await write(folder.path, '1.0.0', withLimit(10)));
  await service.call('PUT', '/api/plugins/grows/config', {
    config: { limit: 9, greeting: 'hi', other: true },
  });
  await write(folder.path, '2.0.0', withLimit(5));
  const { plugin } = await install(service, folder.path, { keepConfig: true });
  expect(plugin.config).toEqual({ greeting: 'hi', other: true });
});

test('more permissions than were agreed to need consent, and the difference is named', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(
    service,
    await write(folder.path, '1.0.0', { requires: { permissions: ['env'], env: ['EDITOR'] } }),
  );
  await write(folder.path, '2.0.0', {
    requires: {
      permissions: ['env', 'file-write'],
      env: ['EDITOR', 'PAGER'],
      paths: { read: ['/opt/words'] },
    },
  });
  const before = await footprint(service.dataDir);
  const { status, error } = await install(service, folder.path);
  expect({ status, code: error.code }).toEqual({ status: 412, code: 'CONSENT_REQUIRED' });
  expect(error.details).toEqual({
    permissions: ['file-write', 'file-read', 'env'],
    readPaths: ['/opt/words'],
    writePaths: [],
    hosts: [],
    env: ['PAGER'],
  });
  expect(await footprint(service.dataDir)).toEqual(before);
});

test('with the permissions in the call the newer version is installed, and activates', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(service, await write(folder.path, '1.0.0'));
  await write(folder.path, '2.0.0', { requires: { permissions: ['file-read'] } });
  const { status, plugin } = await install(service, folder.path, { permissions: ['file-read'] });
  expect({ status, permissions: plugin.permissions }).toEqual({ status: 201, permissions: ['file-read'] });
  expect(plugin.previousVersion).toBe('1.0.0');
  expect((await act(service, 'grows', 'activate')).status).toBe(200);
});

test('agreeing to a permission anew agrees to the names that a newer version adds to it', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  const asking = (env: string[]) => ({ requires: { permissions: ['env'], env } });
  await install(service, await write(folder.path, '1.0.0', asking(['EDITOR'])));
  await write(folder.path, '2.0.0', asking(['EDITOR', 'PAGER']));
  const { error } = await install(service, folder.path);
  expect(error.details).toMatchObject({ permissions: ['env'], env: ['PAGER'] });
  expect((await install(service, folder.path, { permissions: ['env'] })).status).toBe(201);
});

test.each([
  ['throws at load', {}, 'throw new Error("broken on purpose");', 'broken on purpose'],
  ['exits at load', {}, 'process.exit(4);', 'code 4'],
  ['lacks an export', { hooks: { onRequest: true, onError: true } }, answering('2'), 'onError'],
])(
  'a newer version that %s is refused, and the old process goes on as it was',
  async (_what, manifest, source, reason) => {
    await using service = await startService();
    await using folder = await temporaryFolder();
    await install(service, await write(folder.path, '1.0.0', withLimit(10)));
    await service.call('PUT', '/api/plugins/grows/config', { config: { limit: 9 } });
    await act(service, 'grows', 'activate');
    const before = { left: await footprint(service.dataDir), answer: (await runRequest(service)).metadata };
    const { status, error } = await install(service, await write(folder.path, '2.0.0', manifest, source));
    expect({ status, code: error.code }).toEqual({ status: 422, code: 'UPGRADE_FAILED' });
    expect(error.message).toContain(reason);
    expect((await runRequest(service)).metadata).toEqual(before.answer);
    const { files, ...left } = await footprint(service.dataDir);
    expect({ ...left, files: files.filter((path) => !path.startsWith('logs')) }).toEqual({
      ...before.left,
      files: before.left.files.filter((path) => !path.startsWith('logs')),
    });
    expect(await service.plugin('grows')).toMatchObject({
      version: '1.0.0',
      status: 'active',
      config: { limit: 9 },
    });
  },
);

test('a newer version whose onActivate fails is taken back, and the old one is active again', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(service, await write(folder.path, '1.0.0', withLimit(10)));
  await service.call('PUT', '/api/plugins/grows/config', { config: { limit: 9 } });
  await act(service, 'grows', 'activate');
  const source = `${answering('2')} export function onActivate() { throw new Error('not today'); }`;
  await write(folder.path, '2.0.0', { hooks: { onRequest: true, onActivate: true } }, source);
  const { status, error } = await install(service, folder.path);
  expect({ status, code: error.code }).toEqual({ status: 422, code: 'UPGRADE_FAILED' });
  expect(await service.plugin('grows')).toMatchObject({
    version: '1.0.0',
    status: 'active',
    enabled: true,
    errorMessage: null,
    hooks: ['onRequest'],
    config: { limit: 9 },
    process: { state: 'running' },
  });
  expect((await runRequest(service)).metadata).toMatchObject({ version: '1.0.0' });
});

test('a newer version that does not load leaves an inactive plugin stopped, not failed', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(service, await write(folder.path, '1.0.0'));
  const { status } = await install(service, await write(folder.path, '2.0.0', {}, 'throw new Error("x");'));
  expect(status).toBe(422);
  expect(await service.plugin('grows')).toMatchObject({
    status: 'installed',
    errorMessage: null,
    process: { state: 'stopped' },
  });
});

test('a refused newer version that asked for a data folder leaves none', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await install(service, await write(folder.path, '1.0.0'));
  await write(folder.path, '2.0.0', { requires: { permissions: ['file-write'] } }, 'throw new Error("x");');
  expect((await install(service, folder.path, { permissions: ['file-write'] })).status).toBe(422);
  expect((await footprint(service.dataDir)).files).not.toContain('plugin-data/grows');
});

test('the data folder of a plugin is kept across an upgrade', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  const requires = { permissions: ['file-write'] };
  const source = `import { writeFileSync } from 'node:fs';
    export function onActivate({ dataDir }) { writeFileSync(dataDir + '/kept', 'x'); }`;
  await write(folder.path, '1.0.0', { requires, hooks: { onActivate: true } }, source);
  await install(service, folder.path);
  await act(service, 'grows', 'activate');
  await install(service, await write(folder.path, '2.0.0', { requires }));
  expect((await footprint(service.dataDir)).files).toContain('plugin-data/grows/kept');
});

test('requests that are under way at an upgrade are answered by the old version', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  const slow = `export async function onRequest() {
    console.log('entered');
    await new Promise((resolve) => setTimeout(resolve, 300));
    return { metadata: { version: '1.0.0' } };
  }`;
  await install(service, await write(folder.path, '1.0.0', {}, slow));
  await act(service, 'grows', 'activate');
  const underWay = runRequest(service);
  await service.until(async () => (await service.logs('grows')).some(({ text }) => text === 'entered'));
  expect((await install(service, await write(folder.path, '2.0.0'))).status).toBe(201);
  expect((await underWay).metadata).toMatchObject({ version: '1.0.0' });
  expect((await runRequest(service)).metadata).toMatchObject({ version: '2.0.0' });
});
