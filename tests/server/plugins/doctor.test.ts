import { createHash } from 'node:crypto';
import { cp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { DoctorCheck } from '@omniroute/shared/doctor';
import type { ErrorBody } from '@omniroute/shared/error-code';
import { hooksNotCalledYet } from '@omniroute/shared/hook';
import { expect, test } from 'vitest';
import { examine } from '../../helpers/doctor.ts';
import { fixture } from '../../helpers/fixture.ts';
import { act, install } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { addVariant } from '../../helpers/plugin-variant.ts';
import { processesOf } from '../../helpers/processes.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const plugin = 'appends-to-message';
const source = 'export function onRequest() {}';
const noted = (text: string) => `sha256-${createHash('sha256').update(text).digest('base64')}`;

const folderOf = ({ dataDir }: Service, name = plugin) => join(dataDir, 'plugins', name);

/** Writes over the files of the installed plugin. */
function edit(service: Service, manifest: Record<string, unknown>, entry = source) {
  const whole = { name: plugin, hooks: { onRequest: true }, ...manifest };
  return writePackage(folderOf(service), whole, { 'index.js': entry });
}

function alter(service: Service, sql: string) {
  const database = new Database(join(service.dataDir, 'omniroute.sqlite'));
  database.exec(sql);
  database.close();
}

/** The pid, as it knows itself, of each process that `loads-slowly` was loaded in. */
async function loadedIn(service: Service): Promise<number[]> {
  const lines = await service.logs('loads-slowly');
  return lines.flatMap(({ text }) => /^loading in process (\d+)$/.exec(text)?.[1] ?? []).map(Number);
}

test('a healthy plugin that runs passes every check', async () => {
  await using service = await startService();
  const { process } = await service.add(plugin);
  const report = await examine(service, plugin);
  expect(report.checks.filter(({ result }) => result !== 'pass')).toEqual([]);
  expect(report.result).toBe('pass');
  expect(report.check('process')?.message).toContain(String(process.pid));
  expect(report.check('hooks')?.message).toContain('onRequest');
  expect(report.check('integrity')?.message).toContain('declares no "integrity"');
});

test('a plugin that declares its integrity and its plugin API passes both', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  const manifest = { name: 'careful', integrity: noted(source), requires: { omniroute: '>=3.8.0' } };
  await install(service, await writePackage(folder.path, manifest, { 'index.js': source }));
  await act(service, 'careful', 'activate');
  const report = await examine(service, 'careful');
  expect(report.result).toBe('pass');
  expect(report.check('integrity')?.message).toContain('matches');
  expect(report.check('host-range')?.message).toContain('>=3.8.0');
});

test('a plugin that the operator has switched off is well', async () => {
  await using service = await startService();
  await service.add(plugin);
  await act(service, plugin, 'deactivate');
  const report = await examine(service, plugin);
  expect(report.result).toBe('pass');
  expect(report.check('process')?.message).toContain('switched off');
  expect((await service.plugin(plugin)).process).toMatchObject({ state: 'stopped', pid: null });
});

interface Illness {
  spoil: (service: Service) => Promise<unknown>;
  check: DoctorCheck['id'];
  result: DoctorCheck['result'];
  message: RegExp;
  fix: RegExp;
}

const illnesses: Record<string, Illness> = {
  'its folder is deleted': {
    spoil: (service) => rm(folderOf(service), { recursive: true }),
    check: 'directory',
    result: 'fail',
    message: /is gone/,
    fix: /install the plugin again/,
  },
  'a symlink is in the place of its folder': {
    spoil: async (service) => {
      await rename(folderOf(service), join(service.dataDir, 'elsewhere'));
      await symlink(join(service.dataDir, 'elsewhere'), folderOf(service));
    },
    check: 'directory',
    result: 'fail',
    message: /symlink/,
    fix: /real folder/,
  },
  'native code is in its folder': {
    spoil: (service) => writeFile(join(folderOf(service), 'addon.node'), ''),
    check: 'directory',
    result: 'fail',
    message: /'addon\.node' is native code/,
    fix: /Take it out/,
  },
  'another folder is recorded': {
    spoil: async (service) => alter(service, "UPDATE plugins SET plugin_dir = '/somewhere/else'"),
    check: 'directory',
    result: 'fail',
    message: /another one is recorded/,
    fix: /install it again/,
  },
  'plugin.json is deleted': {
    spoil: (service) => rm(join(folderOf(service), 'plugin.json')),
    check: 'manifest',
    result: 'fail',
    message: /plugin\.json cannot be read/,
    fix: /Mend plugin\.json/,
  },
  'plugin.json is not JSON': {
    spoil: (service) => writeFile(join(folderOf(service), 'plugin.json'), '{'),
    check: 'manifest',
    result: 'fail',
    message: /not JSON/,
    fix: /Mend plugin\.json/,
  },
  'plugin.json is not valid': {
    spoil: (service) => edit(service, { version: 'one' }),
    check: 'manifest',
    result: 'fail',
    message: /"version" must be MAJOR\.MINOR\.PATCH/,
    fix: /Mend plugin\.json/,
  },
  'plugin.json names another plugin': {
    spoil: (service) => edit(service, { name: 'another' }),
    check: 'manifest',
    result: 'fail',
    message: /names 'another'/,
    fix: /Set "name" back to "appends-to-message"/,
  },
  'plugin.json is edited': {
    spoil: (service) => edit(service, { description: 'edited' }),
    check: 'manifest',
    result: 'warn',
    message: /edited since the plugin was activated/,
    fix: /^Restart/,
  },
  'plugin.json asks for a plugin API that is too new': {
    spoil: (service) => edit(service, { requires: { omniroute: '>=99.0.0' } }),
    check: 'host-range',
    result: 'fail',
    message: />=99\.0\.0.*3\.8\.24/,
    fix: /Install a version/,
  },
  'plugin.json asks for more permissions': {
    spoil: (service) => edit(service, { requires: { permissions: ['env'], env: ['EDITOR'] } }),
    check: 'permissions',
    result: 'fail',
    message: /more than was agreed to: env, EDITOR/,
    fix: /"permissions": \["env"\]/,
  },
  'its entry file is deleted': {
    spoil: (service) => rm(join(folderOf(service), 'index.js')),
    check: 'entry',
    result: 'fail',
    message: /names index\.js, which is not a file/,
    fix: /Put index\.js back/,
  },
  'its entry file is changed under it': {
    spoil: (service) => writeFile(join(folderOf(service), 'index.js'), 'export {};'),
    check: 'entry',
    result: 'warn',
    message: /changed after its process had started/,
    fix: /Restart/,
  },
  'its entry file is changed in spite of its integrity': {
    spoil: (service) => edit(service, { integrity: noted(source) }, `${source} // and more`),
    check: 'integrity',
    result: 'fail',
    message: /does not match "integrity"/,
    fix: /install the plugin again|write the new hash/,
  },
  'plugins are paused': {
    spoil: (service) => service.call('PATCH', '/api/settings', { pluginsPaused: true }),
    check: 'process',
    result: 'warn',
    message: /paused; this one is enabled\. Requests pass without onRequest/,
    fix: /Resume plugins/,
  },
};

test.each(Object.entries(illnesses))('when %s, its check says so and what to do', async (_what, illness) => {
  await using service = await startService();
  await service.add(plugin);
  await illness.spoil(service);
  const report = await examine(service, plugin);
  const { result, message, fix } = illness;
  expect(report.check(illness.check)).toMatchObject({
    result,
    message: expect.stringMatching(message),
    fix: expect.stringMatching(fix),
  });
  expect(report.result).toBe(result);
  expect(JSON.stringify(report)).not.toContain('/somewhere/else');
  const others = report.checks.filter(({ id }) => id !== illness.check);
  expect(others.filter(({ result: other }) => other === 'fail')).toEqual([]);
});

test('what cannot be looked at is not said to be well', async () => {
  await using service = await startService();
  await service.add(plugin);
  await act(service, plugin, 'deactivate');
  await rm(folderOf(service), { recursive: true });
  const { checks } = await examine(service, plugin);
  expect(checks.map(({ id, result }) => [id, result])).toEqual([
    ['directory', 'fail'],
    ['manifest', 'warn'],
    ['entry', 'warn'],
    ['integrity', 'warn'],
    ['hooks', 'warn'],
    ['host-range', 'warn'],
    ['permissions', 'warn'],
    ['process', 'pass'],
  ]);
  for (const { message } of checks.slice(1, -1)) expect(message).toMatch(/^Not checked: /);
});

test('what the doctor says to do about a folder that is gone puts it back', async () => {
  await using service = await startService();
  await service.add(plugin);
  await rm(folderOf(service), { recursive: true });
  expect((await install(service, fixture(plugin), { replace: true })).status).toBe(201);
  expect((await examine(service, plugin)).result).toBe('pass');
});

test('what the doctor says to do about more permissions agrees to them', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await service.add(plugin);
  await edit(service, { requires: { permissions: ['env'] } });
  await cp(folderOf(service), folder.path, { recursive: true });
  const agreed = await install(service, folder.path, { replace: true, permissions: ['env'] });
  expect(agreed.status).toBe(201);
  const report = await examine(service, plugin);
  expect(report.check('permissions')).toMatchObject({
    result: 'pass',
    message: expect.stringContaining('env'),
  });
  expect(report.result).toBe('pass');
});

test.each([
  ['network', 'pass', /asks for network, as was agreed to/],
  ['exec', 'fail', /asks for "exec"/],
] as const)('whether this machine gives %s is said', async (permission, result, message) => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  await writePackage(folder.path, { name: 'asks', requires: { permissions: [permission] } });
  await install(service, folder.path);
  const report = await examine(service, 'asks');
  expect(report.check('permissions')).toMatchObject({ result, message: expect.stringMatching(message) });
});

test('a hook that a stopped plugin does not export any more is found', async () => {
  await using service = await startService();
  await service.add(plugin);
  await act(service, plugin, 'deactivate');
  await writeFile(join(folderOf(service), 'index.js'), 'export function onResponse() {}');
  const report = await examine(service, plugin);
  expect(report.check('hooks')).toMatchObject({
    result: 'fail',
    message: expect.stringMatching(/does not export: onRequest/),
    fix: expect.stringMatching(/Mend the entry file/),
  });
  expect(await service.plugin(plugin)).toMatchObject({ status: 'inactive', errorMessage: null });
});

test('a stopped plugin that does not load is found, with the reason', async () => {
  await using service = await startService();
  await service.add('throws-at-load', { activate: false });
  const report = await examine(service, 'throws-at-load');
  expect(report.check('hooks')).toMatchObject({
    result: 'fail',
    message: expect.stringMatching(/broken on purpose/),
  });
});

test.each([...hooksNotCalledYet])('%s, which this version does not call, is said', async (hook) => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  const entry = { 'index.js': `export function ${hook}() {}` };
  await install(service, await writePackage(folder.path, { name: 'early', hooks: { [hook]: true } }, entry));
  await act(service, 'early', 'activate');
  const report = await examine(service, 'early');
  expect(report.check('hooks')).toMatchObject({
    result: 'warn',
    message: expect.stringContaining(`does not call ${hook}`),
  });
});

test('a plugin that was never activated is told to be, and its hooks are seen all the same', async () => {
  await using service = await startService();
  await service.add(plugin, { activate: false });
  const report = await examine(service, plugin);
  expect(report.check('process')).toMatchObject({
    result: 'warn',
    message: expect.stringMatching(/never activated/),
    fix: expect.stringMatching(/^Activate/),
  });
  expect(report.check('hooks')).toMatchObject({ result: 'pass' });
  expect(await service.plugin(plugin)).toMatchObject({ status: 'installed', enabled: false });
});

test('a plugin that crashed fails with the reason, and with what its guard does to requests', async () => {
  await using service = await startService();
  await addVariant(service, 'exits-in-hook', { hooks: { onRequest: { failure: 'closed' } } });
  await writeFile(join(folderOf(service, 'exits-in-hook'), 'index.js'), 'throw new Error("spoiled");');
  expect((await service.chat()).status).toBe(503);
  const check = await service.until(async () => {
    const found = (await examine(service, 'exits-in-hook')).check('process');
    return found?.result === 'fail' && found;
  });
  expect(check.message).toMatch(/^It is enabled.*(code 3|spoiled).*503 now: onRequest fails closed\.$/);
  expect(check.fix).toMatch(/log/);
});

test('a plugin whose first activation failed says why', async () => {
  await using service = await startService();
  await service.add('throws-in-on-activate', { activate: false });
  await act(service, 'throws-in-on-activate', 'activate');
  const report = await examine(service, 'throws-in-on-activate');
  expect(report.check('process')).toMatchObject({
    result: 'fail',
    message: expect.stringMatching(/could not be activated.*not today/),
  });
});

test('in safe mode no process is started, and the guard is said to refuse requests', async () => {
  await using folder = await temporaryFolder();
  {
    await using service = await startService({ dataDir: folder.path });
    await addVariant(service, 'loads-slowly', { hooks: { onRequest: { failure: 'closed' } } });
  }
  await using service = await startService({ dataDir: folder.path, env: { OMNIROUTE_SAFE_MODE: '1' } });
  const before = await loadedIn(service);
  const report = await examine(service, 'loads-slowly');
  expect(report.check('process')).toMatchObject({
    result: 'warn',
    message: expect.stringMatching(/safe mode.*503 now: onRequest fails closed/),
  });
  expect(report.check('hooks')).toMatchObject({
    result: 'warn',
    message: expect.stringMatching(/^Not checked: .*safe mode/),
  });
  expect(await loadedIn(service)).toEqual(before);
});

test('the process that the hooks are seen in is gone when the report is there', async () => {
  await using service = await startService();
  await service.add('loads-slowly', { activate: false });
  expect((await examine(service, 'loads-slowly')).check('hooks')).toMatchObject({ result: 'pass' });
  expect(await loadedIn(service)).toHaveLength(1);
  expect(await processesOf(folderOf(service, 'loads-slowly'))).toEqual([]);
  expect((await service.plugin('loads-slowly')).process).toMatchObject({ state: 'stopped', lastExit: null });
});

test('code that nobody has agreed to run is not run', async () => {
  await using service = await startService();
  await cp(fixture('loads-slowly'), folderOf(service, 'loads-slowly'), { recursive: true });
  await service.call('POST', '/api/plugins/scan');
  const report = await examine(service, 'loads-slowly');
  expect(report.check('hooks')).toMatchObject({
    result: 'warn',
    message: expect.stringMatching(/^Not checked: nobody has agreed/),
    fix: expect.stringMatching(/^Activate/),
  });
  expect(await loadedIn(service)).toEqual([]);
});

test('code that is not what it was agreed to be is not run', async () => {
  await using service = await startService();
  await service.add('loads-slowly', { activate: false });
  await writePackage(
    folderOf(service, 'loads-slowly'),
    { name: 'loads-slowly', requires: { permissions: ['file-read'] } },
    {},
  );
  const report = await examine(service, 'loads-slowly');
  expect(report.check('hooks')).toMatchObject({
    result: 'warn',
    message: expect.stringMatching(/^Not checked: .*\(Permissions\)/),
  });
  expect(await loadedIn(service)).toEqual([]);
});

test('an uninstall during the checks waits for their process, and removes everything', async () => {
  await using service = await startService();
  await service.add('loads-slowly', { activate: false });
  const examined = examine(service, 'loads-slowly');
  await service.until(async () => (await loadedIn(service)).length > 0);
  expect(await processesOf(folderOf(service, 'loads-slowly'))).not.toEqual([]);
  expect((await act(service, 'loads-slowly', 'uninstall')).status).toBe(200);
  expect(await processesOf(folderOf(service, 'loads-slowly'))).toEqual([]);
  expect((await examined).check('hooks')).toMatchObject({ result: 'pass' });
  expect(await service.plugins()).toEqual([]);
});

test('an operation that hangs does not keep the doctor waiting', async () => {
  await using service = await startService();
  await service.add('never-finishes-loading', { activate: false });
  const activated = act(service, 'never-finishes-loading', 'activate');
  await service.until(
    async () => (await service.plugin('never-finishes-loading')).process.state === 'starting',
  );
  const report = await examine(service, 'never-finishes-loading');
  expect(report.check('process')).toMatchObject({ result: 'warn', message: 'It is being started.' });
  expect(report.check('hooks')).toMatchObject({
    result: 'warn',
    message: 'Not checked: another operation on the plugin is running.',
  });
  expect((await service.plugin('never-finishes-loading')).process.state).toBe('starting');
  await service[Symbol.asyncDispose]();
  await activated.catch(() => null);
});

test('a check that breaks is one that failed, and takes no other with it', async () => {
  await using service = await startService();
  await service.add(plugin);
  alter(service, 'DROP TABLE plugin_grants');
  const report = await examine(service, plugin);
  expect(report.checks.filter(({ result }) => result !== 'pass')).toMatchObject([
    { id: 'permissions', result: 'fail', message: expect.stringMatching(/could not be finished/) },
  ]);
  expect(service.log.join('')).toContain('no such table: plugin_grants');
});

test.each([
  ['never-seen', 404, 'PLUGIN_NOT_FOUND'],
  ['Not_A_Name', 400, 'INVALID_REQUEST'],
])('the doctor of %s is %d', async (name, status, code) => {
  await using service = await startService();
  const answer = await service.call<ErrorBody>('GET', `/api/plugins/${name}/doctor`);
  expect({ status: answer.status, code: answer.body.error.code }).toEqual({ status, code });
});
