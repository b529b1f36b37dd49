import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findSandboxTools } from '@omniroute/server/plugin-process/layers/find-tools';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { act, install, runRequest } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { withoutBubblewrap } from '../../helpers/sandbox-tools.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { type TemporaryFolder, temporaryFolder } from '../../helpers/temporary-folder.ts';

/** Tries `[operation, path]` pairs of the body, and says for each whether it worked. */
const source = `
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
const operations = {
  read: (path) => readFileSync(path),
  list: (path) => readdirSync(path),
  write: (path) => writeFileSync(path, 'written'),
};
export function onRequest({ body }) {
  const outcomes = body.attempts.map(([operation, path]) => {
    try {
      operations[operation](path);
      return true;
    } catch (error) {
      return error.code === 'ERR_ACCESS_DENIED' ? 'denied' : error.code;
    }
  });
  return { metadata: { outcomes } };
}`;

describe.each([
  ['with bubblewrap', 3, findSandboxTools],
  ['without bubblewrap', 2, withoutBubblewrap],
])('%s', (_machine, level, findSandboxTools) => {
  let service: Service;
  let folder: TemporaryFolder;
  let granted: string;
  let other: string;

  beforeAll(async () => {
    service = await startService({ findSandboxTools });
    folder = await temporaryFolder();
    granted = join(folder.path, 'granted');
    other = join(folder.path, 'granted-but-longer');
    for (const dir of [granted, other]) {
      await mkdir(dir);
      await writeFile(join(dir, 'file.txt'), 'content');
    }
  });

  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  /** What a plugin with these permissions can do; it is uninstalled again. */
  async function attempt(requires: object, attempts: (name: string) => [string, string][]): Promise<unknown> {
    await using plugin = await temporaryFolder();
    await writePackage(
      plugin.path,
      { name: 'tries', hooks: { onRequest: true }, requires },
      { 'index.js': source },
    );
    const installed = await install(service, plugin.path);
    if (installed.error) throw new Error(installed.error.message);
    const activated = await act(service, 'tries', 'activate');
    if (activated.error) throw new Error(activated.error.message);
    const { metadata } = await runRequest(service, { attempts: attempts(service.dataDir) });
    await act(service, 'tries', 'uninstall');
    return metadata.outcomes;
  }

  test('without a permission a plugin reads its own package, and nothing else', async () => {
    const outcomes = await attempt({}, (data) => [
      ['read', join(data, 'plugins/tries/plugin.json')],
      ['list', join(data, 'plugins/tries')],
      ['write', join(data, 'plugins/tries/index.js')],
      ['read', '/etc/hostname'],
      ['read', join(granted, 'file.txt')],
      ['read', join(data, 'auth-token')],
      ['read', join(data, 'omniroute.sqlite')],
      ['read', join(data, 'logs/tries.log')],
      ['list', join(data, 'plugins')],
      ['list', data],
      ['read', '/proc/self/environ'],
      ['write', '/tmp/omniroute-must-not-be-written'],
    ]);
    expect(outcomes).toEqual([true, true, ...Array.from({ length: 10 }, () => 'denied')]);
  });

  test('file-read gives its own folder and the paths that it lists, to read', async () => {
    const outcomes = await attempt({ permissions: ['file-read'], paths: { read: [granted] } }, (data) => [
      ['list', join(data, 'plugin-data/tries')],
      ['read', join(granted, 'file.txt')],
      ['write', join(data, 'plugin-data/tries/file.txt')],
      ['write', join(granted, 'file.txt')],
      ['read', join(other, 'file.txt')],
      ['list', join(data, 'plugin-data')],
    ]);
    expect(outcomes).toEqual([true, true, 'denied', 'denied', 'denied', 'denied']);
    expect(await readFile(join(granted, 'file.txt'), 'utf8')).toBe('content');
  });

  test('file-write gives its own folder to read and write, and each path as it is listed', async () => {
    const outcomes = await attempt(
      { permissions: ['file-write'], paths: { write: [granted], read: [other] } },
      (data) => [
        ['write', join(data, 'plugin-data/tries/file.txt')],
        ['read', join(data, 'plugin-data/tries/file.txt')],
        ['write', join(granted, 'new.txt')],
        ['read', join(granted, 'new.txt')],
        ['read', join(other, 'file.txt')],
        ['write', join(other, 'file.txt')],
        ['write', join(data, 'plugins/tries/index.js')],
        ['write', join(data, 'plugin-data/another.txt')],
      ],
    );
    expect(outcomes).toEqual([true, true, true, true, true, 'denied', 'denied', 'denied']);
  });

  test('paths without the permission give nothing', async () => {
    const paths = { read: [granted], write: [granted] };
    const outcomes = await attempt({ paths }, () => [
      ['read', join(granted, 'file.txt')],
      ['write', join(granted, 'file.txt')],
    ]);
    expect(outcomes).toEqual(['denied', 'denied']);
  });

  test('paths to write are not writable with file-read', async () => {
    const outcomes = await attempt({ permissions: ['file-read'], paths: { write: [granted] } }, () => [
      ['write', join(granted, 'file.txt')],
    ]);
    expect(outcomes).toEqual(['denied']);
  });

  test.each([
    ['the data directory', (data: string) => data],
    ['a folder in it', (data: string) => join(data, 'plugin-data')],
    ['the folder that holds it', (data: string) => join(data, '..')],
    ['the root', () => '/'],
  ])('%s can never be listed', async (_what, path) => {
    await using plugin = await temporaryFolder();
    const requires = { permissions: ['file-read'], paths: { read: [path(service.dataDir)] } };
    await writePackage(plugin.path, { name: 'greedy', requires });
    await install(service, plugin.path);
    const { status, error } = await act(service, 'greedy', 'activate');
    expect({ status, code: error.code }).toEqual({ status: 422, code: 'ACTIVATION_FAILED' });
    expect(error.message).toContain('data directory');
    await act(service, 'greedy', 'uninstall');
  });

  test('the data directory cannot be listed through a symlink', async () => {
    await using plugin = await temporaryFolder();
    const link = join(folder.path, 'harmless');
    await symlink(service.dataDir, link);
    await writePackage(plugin.path, {
      name: 'sly',
      requires: { permissions: ['file-read'], paths: { read: [link] } },
    });
    await install(service, plugin.path);
    expect((await act(service, 'sly', 'activate')).status).toBe(422);
    await act(service, 'sly', 'uninstall');
  });

  test('what this machine enforces is said for each plugin', async () => {
    const { isolation } = await service.add('reports-process');
    const layers = ['installer', 'process', 'node', 'os'];
    expect(isolation).toMatchObject({ level, layers: layers.slice(0, level + 1) });
    expect(isolation.gaps.join(' ').includes('operating system')).toBe(level === 2);
  });
});
