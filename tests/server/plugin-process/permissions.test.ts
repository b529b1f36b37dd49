import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findSandboxTools } from '@omniroute/server/plugin-process/layers/find-tools';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
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
    ['what shows other processes', () => '/proc/1'],
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

  test.each([
    ["the service's own program", () => fileURLToPath(new URL('../../../server', import.meta.url))],
    ['the Node that runs it', () => process.execPath],
  ])('%s can never be written', async (_what, path) => {
    await using plugin = await temporaryFolder();
    const requires = { permissions: ['file-write'], paths: { write: [path()] } };
    await writePackage(plugin.path, { name: 'greedy', requires });
    await install(service, plugin.path);
    const { status, error } = await act(service, 'greedy', 'activate');
    expect({ status, code: error.code }).toEqual({ status: 422, code: 'ACTIVATION_FAILED' });
    expect(error.message).toContain("service's own program");
    await act(service, 'greedy', 'uninstall');
  });

  test('the data directory cannot be listed through a symlink', async () => {
    await using plugin = await temporaryFolder();
    const link = join(folder.path, `harmless-${level}`);
    await symlink(service.dataDir, link);
    await writePackage(plugin.path, {
      name: 'sly',
      requires: { permissions: ['file-read'], paths: { read: [link] } },
    });
    await install(service, plugin.path);
    expect((await act(service, 'sly', 'activate')).status).toBe(422);
    await act(service, 'sly', 'uninstall');
  });

  test('a path can be a file: it is read, or written in place, and its folder is not', async () => {
    const [readable, writable] = [join(granted, 'file.txt'), join(other, 'file.txt')];
    const outcomes = await attempt(
      { permissions: ['file-write'], paths: { read: [readable], write: [writable] } },
      () => [
        ['read', readable],
        ['write', readable],
        ['write', writable],
        ['list', granted],
        ['write', join(other, 'beside.txt')],
      ],
    );
    expect(outcomes).toEqual([true, 'denied', true, 'denied', 'denied']);
    expect(await readFile(writable, 'utf8')).toBe('written');
  });

  test('a path to write that is not there yet is made a folder; one to read gives nothing', async () => {
    const [toWrite, toRead] = [join(folder.path, `made/${level}`), join(folder.path, `absent-${level}`)];
    const outcomes = await attempt(
      { permissions: ['file-write'], paths: { read: [toRead], write: [toWrite] } },
      () => [
        ['write', join(toWrite, 'new.txt')],
        ['write', join(folder.path, 'made/beside.txt')],
        ['list', toRead],
      ],
    );
    expect(outcomes).toEqual([true, 'denied', 'denied']);
    expect(await readFile(join(toWrite, 'new.txt'), 'utf8')).toBe('written');
  });

  test('~/ is the home of the service', async () => {
    vi.stubEnv('HOME', granted);
    const outcomes = await attempt({ permissions: ['file-read'], paths: { read: ['~/file.txt'] } }, () => [
      ['read', join(granted, 'file.txt')],
    ]);
    vi.unstubAllEnvs();
    expect(outcomes).toEqual([true]);
  });

  test('a path that is a link gives what it points to, by its own path', async () => {
    const link = join(folder.path, `link-${level}`);
    await symlink(granted, link);
    const outcomes = await attempt({ permissions: ['file-read'], paths: { read: [link] } }, () => [
      ['read', join(granted, 'file.txt')],
      ['read', join(link, 'file.txt')],
    ]);
    expect(outcomes).toEqual([true, 'denied']);
  });

  test('a link inside a granted folder leads nowhere at level 3, and is named as a gap at level 2', async () => {
    await using linked = await temporaryFolder();
    await using secret = await temporaryFolder();
    await writeFile(join(secret.path, 'secret.txt'), 'secret');
    await symlink(join(secret.path, 'secret.txt'), join(linked.path, 'link.txt'));
    const requires = { permissions: ['file-read'], paths: { read: [linked.path] } };
    const outcomes = await attempt(requires, () => [['read', join(linked.path, 'link.txt')]]);
    expect(outcomes).toEqual([level === 3 ? 'ENOENT' : true]);
    await using plugin = await temporaryFolder();
    await writePackage(plugin.path, { name: 'linked', requires });
    const { isolation } = (await install(service, plugin.path)).plugin;
    expect(isolation.gaps.join(' ').includes('link inside a folder')).toBe(level === 2);
    await act(service, 'linked', 'uninstall');
  });

  test('what this machine enforces is said for each plugin', async () => {
    const { isolation } = await service.add('reports-process');
    const layers = ['installer', 'process', 'node', 'os'];
    expect(isolation).toMatchObject({ level, layers: layers.slice(0, level + 1) });
    expect(isolation.gaps.join(' ').includes('operating system')).toBe(level === 2);
  });
});
