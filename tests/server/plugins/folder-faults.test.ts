import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { act, runRequest } from '../../helpers/plugin-calls.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const name = 'has-every-config-type';
const config = { text: 'kept' };

/** What hands can do to the folder of an installed plugin, and what the plugin says of it once it is read again. */
const faults: [what: string, spoil: (dir: string) => Promise<unknown>, reason: RegExp][] = [
  ['whose folder was deleted', (dir) => rm(dir, { recursive: true }), /folder is gone/],
  ['whose entry was deleted', (dir) => rm(join(dir, 'index.js')), /index\.js, which is not a file/],
  [
    'whose plugin.json was cut off',
    (dir) => writeFile(join(dir, 'plugin.json'), '{"name": "has-ev'),
    /plugin\.json/,
  ],
  ['whose plugin.json names another', (dir) => edit(dir, { name: 'another' }), /names 'another' now/],
  [
    'whose plugin.json asks for more than was agreed to',
    (dir) => edit(dir, { requires: { permissions: ['network'] } }),
    /network/,
  ],
  [
    'whose entry was edited under its integrity',
    (dir) => edit(dir, { integrity: `sha256-${'A'.repeat(43)}=` }),
    /does not match "integrity"/,
  ],
];

async function edit(dir: string, changes: object): Promise<void> {
  const file = join(dir, 'plugin.json');
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...changes }));
}

async function prepare(service: Service) {
  const plugin = await service.add(name);
  await service.call('PUT', `/api/plugins/${name}/config`, { config });
  return plugin;
}

/** The folder as it was makes the plugin as it was. */
async function expectNothingLost(service: Service, dir: string, backup: string): Promise<void> {
  await rm(dir, { recursive: true, force: true });
  await rename(backup, dir);
  expect((await act(service, name, 'activate')).status).toBe(200);
  expect(await service.plugin(name)).toMatchObject({ status: 'active', config, errorMessage: null });
  expect((await runRequest(service)).blocked).toBe(false);
}

test.each(faults)(
  'a running plugin %s serves on, says why at its restart, and loses nothing',
  async (_what, spoil, reason) => {
    await using service = await startService();
    await using aside = await temporaryFolder();
    const before = await prepare(service);
    const dir = join(service.dataDir, 'plugins', name);
    const backup = join(aside.path, 'backup');
    await cp(dir, backup, { recursive: true });
    await spoil(dir);
    expect((await service.chat()).status).toBe(200);
    expect(await service.plugin(name)).toMatchObject({
      status: 'active',
      process: { state: 'running', pid: before.process.pid },
    });
    const { status, error } = await act(service, name, 'restart');
    expect([412, 422]).toContain(status);
    expect(error.message).toMatch(reason);
    expect(await service.plugin(name)).toMatchObject({ status: 'error', enabled: true, config });
    expect((await service.plugin(name)).errorMessage).toMatch(reason);
    await expectNothingLost(service, dir, backup);
  },
);

test.each(faults)(
  'a plugin %s while the service was stopped is in error, and loses nothing',
  async (_what, spoil, reason) => {
    await using data = await temporaryFolder();
    await using aside = await temporaryFolder();
    const dir = join(data.path, 'plugins', name);
    const backup = join(aside.path, 'backup');
    {
      await using service = await startService({ dataDir: data.path });
      await prepare(service);
      await service.add('appends-to-message');
    }
    await cp(dir, backup, { recursive: true });
    await spoil(dir);
    await using service = await startService({ dataDir: data.path });
    expect(service.app.plugins).toEqual({ active: 1, enabled: 2 });
    const failed = await service.plugin(name);
    expect(failed).toMatchObject({ status: 'error', enabled: true, config });
    expect(failed.errorMessage).toMatch(reason);
    expect((await (await service.chat()).json()).choices[0].message.content).toBe('hello (seen)');
    await expectNothingLost(service, dir, backup);
  },
);
