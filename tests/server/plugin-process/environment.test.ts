import { afterAll, beforeAll, expect, test } from 'vitest';
import { act, install, runRequest } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { type ServiceProcess, startServiceProcess } from '../../helpers/service-process.ts';
import { type TemporaryFolder, temporaryFolder } from '../../helpers/temporary-folder.ts';

const allowed = { USER: 'tester', LANG: 'C.UTF-8', LC_ALL: 'C', NODE_ENV: 'production' };
const withPermission = { HOSTNAME: 'a-host', TZ: 'UTC', TMPDIR: '/tmp' };
const secret = {
  OMNIROUTE_AUTH_TOKEN: 'a-management-token',
  OMNIROUTE_UPSTREAM_API_KEY: 'sk-upstream',
  AWS_SECRET_ACCESS_KEY: 'aws',
  LD_LIBRARY_PATH: '/nowhere',
  NODE_NO_WARNINGS: '1',
  EDITOR: 'vi',
};

let folder: TemporaryFolder;
let service: ServiceProcess;

beforeAll(async () => {
  folder = await temporaryFolder();
  service = await startServiceProcess(folder.path, { ...allowed, ...withPermission, ...secret });
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function environmentOf(requires: object): Promise<unknown> {
  await using plugin = await temporaryFolder();
  const source = 'export function onRequest() { return { metadata: { env: { ...process.env } } }; }';
  await writePackage(
    plugin.path,
    { name: 'tells', hooks: { onRequest: true }, requires },
    { 'index.js': source },
  );
  await install(service, plugin.path);
  await act(service, 'tells', 'activate');
  const { metadata } = await runRequest(service);
  await act(service, 'tells', 'uninstall');
  return metadata.env;
}

test('without the env permission a plugin has these variables and no other', async () => {
  const env = await environmentOf({});
  expect(env).toEqual({ ...allowed, PATH: process.env.PATH, HOME: folder.path });
});

test('with the env permission it has the common ones, and those that it names', async () => {
  const env = await environmentOf({ permissions: ['env'], env: ['EDITOR', 'NOT_SET'] });
  expect(env).toEqual({
    ...allowed,
    ...withPermission,
    PATH: process.env.PATH,
    HOME: folder.path,
    PORT: '0',
    EDITOR: 'vi',
  });
});

test('names without the permission give nothing', async () => {
  expect(await environmentOf({ env: ['EDITOR'] })).not.toHaveProperty('EDITOR');
});

test('a plugin with a folder of its own reads its path as PLUGIN_DATA_DIR', async () => {
  const env = await environmentOf({ permissions: ['file-read'] });
  expect(env).toMatchObject({ PLUGIN_DATA_DIR: `${folder.path}/plugin-data/tells` });
});
