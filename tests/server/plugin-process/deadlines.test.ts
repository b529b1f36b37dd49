import { expect, test } from 'vitest';
import { fixture } from '../../helpers/fixture.ts';
import { footprint } from '../../helpers/footprint.ts';
import { act, install } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

// Each of these waits for the deadline of 10 s, so they wait together.

const never = (hook: string) => `export function ${hook}() { return new Promise(() => {}); }`;

async function installNever(service: Service, hook: string) {
  await using folder = await temporaryFolder();
  const name = `never-ends-${hook.toLowerCase()}`;
  await writePackage(folder.path, { name, hooks: { [hook]: true } }, { 'index.js': never(hook) });
  return { name, ...(await install(service, folder.path)) };
}

test.concurrent('a plugin that never finishes loading is not active after 10 s', async () => {
  await using service = await startService();
  await install(service, fixture('never-finishes-loading'));
  const { status, error } = await act(service, 'never-finishes-loading', 'activate');
  expect({ status, code: error.code }).toEqual({ status: 422, code: 'ACTIVATION_FAILED' });
  expect(error.message).toContain('10 s');
  expect(await service.plugin('never-finishes-loading')).toMatchObject({
    status: 'error',
    enabled: false,
    process: { pid: null },
  });
});

test.concurrent('onInstall that overruns 10 s fails the install, and nothing remains', async () => {
  await using service = await startService();
  const before = await footprint(service.dataDir);
  const { status, error } = await installNever(service, 'onInstall');
  expect({ status, code: error.code }).toEqual({ status: 422, code: 'INSTALL_FAILED' });
  expect(await footprint(service.dataDir)).toEqual(before);
});

test.concurrent('onDeactivate that overruns 10 s is logged, and the plugin is inactive', async () => {
  await using service = await startService();
  const { name } = await installNever(service, 'onDeactivate');
  await act(service, name, 'activate');
  expect((await act(service, name, 'deactivate')).status).toBe(200);
  expect(await service.plugin(name)).toMatchObject({ status: 'inactive', process: { pid: null } });
  expect((await service.logs(name)).map(({ text }) => text).join('\n')).toContain('onDeactivate failed');
});

test.concurrent('onUninstall that overruns 10 s keeps no plugin installed', async () => {
  await using service = await startService();
  const before = await footprint(service.dataDir);
  const { name } = await installNever(service, 'onUninstall');
  expect((await act(service, name, 'uninstall')).status).toBe(200);
  expect(await footprint(service.dataDir)).toEqual(before);
});

test.concurrent('onActivate that overruns 10 s fails the activation; operations on that plugin wait, and others do not', async () => {
  await using service = await startService();
  await service.add('appends-to-message', { activate: false });
  const { name } = await installNever(service, 'onActivate');
  let overrunning = true;
  const slow = act(service, name, 'activate').finally(() => {
    overrunning = false;
  });
  const queued = act(service, name, 'deactivate').then(({ status }) => ({ status, waited: !overrunning }));
  expect((await act(service, 'appends-to-message', 'activate')).status).toBe(200);
  expect(overrunning).toBe(true);
  expect(await slow).toMatchObject({ status: 422, error: { code: 'ACTIVATION_FAILED' } });
  expect(await queued).toEqual({ status: 200, waited: true });
});
