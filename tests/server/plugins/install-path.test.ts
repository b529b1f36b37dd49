import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { footprint } from '../../helpers/footprint.ts';
import { install } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { type TemporaryFolder, temporaryFolder } from '../../helpers/temporary-folder.ts';

let service: Service;
let folder: TemporaryFolder;

beforeAll(async () => {
  service = await startService();
  folder = await temporaryFolder();
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

test.each([
  ['a relative path', 'plugins/sample', 'must be an absolute path'],
  ['an empty path', '', 'must not be empty'],
  ['a path from the home folder', '~/sample', 'must be an absolute path'],
  ['a ".." segment', '/tmp/../etc', '".." segments'],
  ['a NUL', '/tmp/sample\0', 'NUL'],
  ['no folder at all', '/tmp/there-is-nothing-here-7351', 'no folder'],
  ['a path longer than any', `/${'a'.repeat(5_000)}`, 'path'],
])('%s is refused with a sentence, and leaves nothing', async (_what, path, message) => {
  const before = await footprint(service.dataDir);
  const { status, error } = await install(service, path);
  expect({ status, code: error.code }).toEqual({ status: 400, code: 'INVALID_REQUEST' });
  expect(error.message).toContain(message);
  expect(await footprint(service.dataDir)).toEqual(before);
});

test('a file instead of a folder is refused', async () => {
  const path = join(folder.path, 'a-file');
  await writeFile(path, '{}');
  const { status, error } = await install(service, path);
  expect({ status, code: error.code }).toEqual({ status: 400, code: 'INVALID_REQUEST' });
});

test('a folder without plugin.json is refused, naming what is missing', async () => {
  const path = join(folder.path, 'empty');
  await mkdir(path);
  const { status, error } = await install(service, path);
  expect({ status, code: error.code }).toEqual({ status: 400, code: 'INVALID_REQUEST' });
  expect(error.message).toContain('no plugin.json');
});

test('the parent of exactly one plugin stands for that plugin', async () => {
  const parent = join(folder.path, 'one');
  await writePackage(join(parent, 'inner'), { name: 'only-child' });
  await mkdir(join(parent, 'something-else'));
  const { status, plugin } = await install(service, parent);
  expect({ status, name: plugin.name }).toEqual({ status: 201, name: 'only-child' });
});

test('the parent of two plugins is refused', async () => {
  const parent = join(folder.path, 'two');
  await writePackage(join(parent, 'a'), { name: 'twin-a' });
  await writePackage(join(parent, 'b'), { name: 'twin-b' });
  const { status, error } = await install(service, parent);
  expect({ status, code: error.code }).toEqual({ status: 400, code: 'INVALID_REQUEST' });
  expect(error.message).toContain('more than one');
});

test('a path through a symlink is the folder that it leads to', async () => {
  await writePackage(join(folder.path, 'real'), { name: 'by-symlink' });
  await symlink(join(folder.path, 'real'), join(folder.path, 'link'));
  const { status, plugin } = await install(service, join(folder.path, 'link'));
  expect({ status, name: plugin.name }).toEqual({ status: 201, name: 'by-symlink' });
});

test('a folder inside the plugins directory is not copied onto itself', async () => {
  const path = await writePackage(join(service.dataDir, 'plugins', 'by-hand'), { name: 'by-hand' });
  const { status, error } = await install(service, path);
  expect(status).toBe(400);
  expect(error.message).toContain('Scan');
});

test('a folder that holds the data directory is refused', async () => {
  const parent = await writePackage(join(folder.path, 'around'), { name: 'around' });
  await using inner = await startService({ dataDir: join(parent, 'data') });
  const { status, error } = await install(inner, parent);
  expect({ status, code: error.code }).toEqual({ status: 422, code: 'PACKAGE_REJECTED' });
});
