import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { footprint } from '../../helpers/footprint.ts';
import { act, install } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const run = promisify(execFile);

let service: Service;

beforeAll(async () => {
  service = await startService();
});

afterAll(() => service[Symbol.asyncDispose]());

const rejected = { status: 422, code: 'PACKAGE_REJECTED' };
const invalid = { status: 400, code: 'INVALID_MANIFEST' };

test.each<[string, typeof rejected, string, (dir: string) => Promise<unknown>]>([
  [
    'a symlink to a file outside',
    rejected,
    'leads outside',
    (dir) => symlink('/etc/hostname', join(dir, 'link')),
  ],
  ['a symlink that climbs out', rejected, 'leads outside', (dir) => symlink('../../etc', join(dir, 'link'))],
  ['a symlink to nothing', rejected, 'leads outside', (dir) => symlink('missing', join(dir, 'link'))],
  ['a symlink to its own folder', rejected, 'symlink to a folder', (dir) => symlink('.', join(dir, 'link'))],
  ['a pipe', rejected, 'not a regular file', (dir) => run('mkfifo', [join(dir, 'pipe')])],
  ['native code', rejected, 'native code', (dir) => writeFile(join(dir, 'addon.node'), 'x')],
  [
    'native code in a folder below',
    rejected,
    'native code',
    async (dir) => {
      await mkdir(join(dir, 'build/Release'), { recursive: true });
      await writeFile(join(dir, 'build/Release/addon.node'), 'x');
    },
  ],
  [
    'folders without end',
    rejected,
    'nests deeper',
    (dir) => mkdir(join(dir, ...Array.from({ length: 40 }, () => 'd')), { recursive: true }),
  ],
  [
    'a main that is missing',
    invalid,
    'gone.js',
    (dir) => writePackage(dir, { name: 'refused', main: 'gone.js' }),
  ],
  [
    'a main that is a folder',
    invalid,
    'lib',
    (dir) => writePackage(dir, { name: 'refused', main: 'lib' }, { 'lib/index.js': '' }),
  ],
  [
    'a main that Node cannot load',
    invalid,
    'run.sh',
    (dir) => writePackage(dir, { name: 'refused', main: 'run.sh' }, { 'run.sh': '' }),
  ],
  [
    'an entry file that is not the one of "integrity"',
    invalid,
    'integrity',
    (dir) => writePackage(dir, { name: 'refused', integrity: sri('something else') }),
  ],
])('a package with %s is refused, and nothing remains', async (_what, expected, message, spoil) => {
  await using folder = await temporaryFolder();
  await writePackage(folder.path, { name: 'refused' });
  await spoil(folder.path);
  const before = await footprint(service.dataDir);
  const { status, error } = await install(service, folder.path);
  expect({ status, code: error.code }).toEqual(expected);
  expect(error.message).toContain(message);
  expect(await footprint(service.dataDir)).toEqual(before);
});

test('a plugin.json that is a pipe is refused at once, and the service goes on', async () => {
  await using folder = await temporaryFolder();
  await run('mkfifo', [join(folder.path, 'plugin.json')]);
  const { status, error } = await install(service, folder.path);
  expect({ status, code: error.code }).toEqual(invalid);
  expect(error.message).toContain('regular file');
});

test('a main that is a symlink out of the package is refused', async () => {
  await using folder = await temporaryFolder();
  await writePackage(folder.path, { name: 'main-outside' }, {});
  await symlink('/etc/hostname', join(folder.path, 'index.js'));
  const before = await footprint(service.dataDir);
  const { status } = await install(service, folder.path);
  expect(status).toBe(422);
  expect(await footprint(service.dataDir)).toEqual(before);
});

test('a symlink that stays inside becomes the file that it names', async () => {
  await using folder = await temporaryFolder();
  await writePackage(
    folder.path,
    { name: 'inner-link', hooks: { onRequest: true } },
    { 'lib/real.js': 'export function onRequest() {}' },
  );
  await symlink('lib/real.js', join(folder.path, 'index.js'));
  expect((await install(service, folder.path)).status).toBe(201);
  const copied = await lstat(join(service.dataDir, 'plugins/inner-link/index.js'));
  expect({ file: copied.isFile(), link: copied.isSymbolicLink() }).toEqual({ file: true, link: false });
  expect((await act(service, 'inner-link', 'activate')).status).toBe(200);
});

test('files are installed as 0644 and folders as 0755, whatever they were', async () => {
  await using folder = await temporaryFolder();
  await writePackage(
    folder.path,
    { name: 'modes' },
    { 'index.js': 'export {};', 'bin/run.js': '', '.hidden': 'x' },
  );
  await chmod(join(folder.path, 'bin/run.js'), 0o4777);
  await chmod(join(folder.path, 'bin'), 0o777);
  await chmod(join(folder.path, '.hidden'), 0o600);
  expect((await install(service, folder.path)).status).toBe(201);
  const root = join(service.dataDir, 'plugins/modes');
  const paths = ['', ...(await readdir(root, { recursive: true }))].toSorted();
  const modes = await Promise.all(
    paths.map(async (path) => [path, ((await lstat(join(root, path))).mode & 0o7777).toString(8)]),
  );
  expect(Object.fromEntries(modes)).toEqual({
    '': '755',
    '.hidden': '644',
    bin: '755',
    'bin/run.js': '644',
    'index.js': '644',
    'plugin.json': '644',
  });
});

test("an author's .git folder is left out", async () => {
  await using folder = await temporaryFolder();
  await writePackage(folder.path, { name: 'checkout' }, { 'index.js': 'export {};', '.git/config': 'x' });
  expect((await install(service, folder.path)).status).toBe(201);
  expect(await readdir(join(service.dataDir, 'plugins/checkout'))).toEqual(['index.js', 'plugin.json']);
});

test('an entry file that matches "integrity" is installed and activated', async () => {
  await using folder = await temporaryFolder();
  await writePackage(folder.path, { name: 'intact', integrity: sri('export {};') });
  expect((await install(service, folder.path)).status).toBe(201);
  expect((await act(service, 'intact', 'activate')).status).toBe(200);
});

test('a row says what is true: id, times, source, folder', async () => {
  await using folder = await temporaryFolder();
  await writePackage(folder.path, {
    name: 'truthful',
    source: 'marketplace',
    description: 'd',
    author: 'a',
    tags: ['t'],
  });
  const { plugin } = await install(service, folder.path);
  expect(plugin).toMatchObject({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    version: '1.0.0',
    description: 'd',
    author: 'a',
    license: 'MIT',
    main: 'index.js',
    source: 'local',
    tags: ['t'],
    status: 'installed',
    enabled: false,
    errorMessage: null,
    activatedAt: null,
    pluginDir: join(service.dataDir, 'plugins/truthful'),
    process: { state: 'stopped', pid: null },
  });
  expect(await readFile(join(plugin.pluginDir, 'index.js'), 'utf8')).toBe('export {};');
});

function sri(content: string): string {
  return `sha256-${createHash('sha256').update(content).digest('base64')}`;
}
