import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { footprint } from '../../helpers/footprint.ts';
import { act, install } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { isAlive } from '../../helpers/processes.ts';
import { startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

/** A plugin that appends the hook's name to `diary` in each hook of its life. */
async function writeDiarist(dir: string, diary: string): Promise<string> {
  const hooks = ['onActivate', 'onDeactivate', 'onUninstall'];
  const functions = hooks.map((name) => `export function ${name}() { appendFileSync(diary, '${name} '); }`);
  const source = [
    `import { appendFileSync } from 'node:fs';`,
    `const diary = ${JSON.stringify(join(diary, 'diary.txt'))};`,
    ...functions,
  ];
  return writePackage(
    dir,
    {
      name: 'keeps-a-diary',
      hooks: Object.fromEntries(hooks.map((name) => [name, true])),
      requires: { permissions: ['file-write'], paths: { write: [diary] } },
    },
    { 'index.js': source.join('\n') },
  );
}

test('uninstall removes the folder, the previous version, the data, the row, the grant and the log', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await using diary = await temporaryFolder();
  const clean = await footprint(service.dataDir);
  await writeDiarist(folder.path, diary.path);
  await install(service, folder.path);
  await act(service, 'keeps-a-diary', 'activate');
  const { process } = await service.plugin('keeps-a-diary');
  await install(service, folder.path, { replace: true });
  await writeFile(join(service.dataDir, 'plugin-data/keeps-a-diary/left'), 'x');
  expect((await act(service, 'keeps-a-diary', 'uninstall')).status).toBe(200);
  expect(await footprint(service.dataDir)).toEqual(clean);
  expect(await isAlive(process.pid)).toBe(false);
  expect((await service.call('GET', '/api/plugins/keeps-a-diary')).status).toBe(404);
});

test('an active plugin hears onDeactivate, then onUninstall', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await using diary = await temporaryFolder();
  await install(service, await writeDiarist(folder.path, diary.path));
  await act(service, 'keeps-a-diary', 'activate');
  await act(service, 'keeps-a-diary', 'uninstall');
  expect(await readFile(join(diary.path, 'diary.txt'), 'utf8')).toBe('onActivate onDeactivate onUninstall ');
});

test('an inactive plugin hears onUninstall, in a process for that', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await using diary = await temporaryFolder();
  await install(service, await writeDiarist(folder.path, diary.path));
  expect((await act(service, 'keeps-a-diary', 'uninstall')).status).toBe(200);
  expect(await readFile(join(diary.path, 'diary.txt'), 'utf8')).toBe('onUninstall ');
});

test('farewells that throw are in the log of the service, and block nothing', async () => {
  await using service = await startService();
  const clean = await footprint(service.dataDir);
  await service.add('throws-in-its-farewells');
  expect((await act(service, 'throws-in-its-farewells', 'uninstall')).status).toBe(200);
  expect(await footprint(service.dataDir)).toEqual(clean);
  expect(service.log.join('')).toContain('I stay for ever');
});

test.each([
  ['throws at load', 'throws-at-load'],
  ['has a syntax error', 'has-syntax-error'],
])('a plugin that %s can be uninstalled', async (_what, name) => {
  await using service = await startService();
  const clean = await footprint(service.dataDir);
  await service.add(name, { activate: false });
  await act(service, name, 'activate');
  expect((await act(service, name, 'uninstall')).status).toBe(200);
  expect(await footprint(service.dataDir)).toEqual(clean);
});

test('a plugin whose folder is gone can be uninstalled', async () => {
  await using service = await startService();
  const clean = await footprint(service.dataDir);
  const { pluginDir } = await service.add('appends-to-message');
  await rm(pluginDir, { recursive: true });
  expect((await act(service, 'appends-to-message', 'uninstall')).status).toBe(200);
  expect(await footprint(service.dataDir)).toEqual(clean);
});

test('a symlink in the place of the folder is removed, and not followed', async () => {
  await using service = await startService();
  await using elsewhere = await temporaryFolder();
  const clean = await footprint(service.dataDir);
  await mkdir(join(elsewhere.path, 'precious'));
  const { pluginDir } = await service.add('appends-to-message', { activate: false });
  await rm(pluginDir, { recursive: true });
  await symlink(elsewhere.path, pluginDir);
  expect((await act(service, 'appends-to-message', 'uninstall')).status).toBe(200);
  expect(await footprint(service.dataDir)).toEqual(clean);
  await mkdir(join(elsewhere.path, 'precious', 'still-there'));
});

test('after uninstall the same plugin is installed afresh', async () => {
  await using service = await startService();
  const first = await service.add('reports-config');
  await service.call('PUT', '/api/plugins/reports-config/config', { config: { limit: 9 } });
  await act(service, 'reports-config', 'uninstall');
  const second = await service.add('reports-config');
  expect(second.id).not.toBe(first.id);
  expect(second).toMatchObject({ config: {}, status: 'active' });
  expect(await service.logs('reports-config')).toEqual([]);
});
