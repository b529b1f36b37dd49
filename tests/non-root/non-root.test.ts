import { execFile } from 'node:child_process';
import { chown, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const run = promisify(execFile);
const checkout = fileURLToPath(new URL('../..', import.meta.url));
/** `nobody`, who owns nothing. */
const user = 65_534;

/** What faults of permission would show in: the life of a plugin, and what confines it. */
const files = [
  ...['install', 'uninstall', 'upgrade', 'start-up'].map((name) => `tests/server/plugins/${name}.test.ts`),
  ...['isolation', 'permissions', 'exec'].map((name) => `tests/server/plugin-process/${name}.test.ts`),
  'tests/security/hostile-plugins.test.ts',
];

const reportSchema = z.object({
  numPassedTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      assertionResults: z.array(
        z.object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()) }),
      ),
    }),
  ),
});

test('the life of plugins and what confines them are the same for a user who is not root', async ({
  annotate,
}) => {
  if (process.getuid?.() !== 0) {
    await annotate('Who runs this is not root: all the other tests are this one.');
    return;
  }
  await using folder = await temporaryFolder();
  await chown(folder.path, user, user);
  const report = await runAsUser(folder.path);
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  expect(results.filter(({ status }) => status !== 'passed')).toEqual([]);
  expect(report.testResults.map(({ name }) => files.filter((file) => name.endsWith(file)))).toHaveLength(
    files.length,
  );
  expect(report.numPassedTests).toBeGreaterThan(150);
}, 600_000);

async function runAsUser(home: string): Promise<z.infer<typeof reportSchema>> {
  const outputFile = join(home, 'report.json');
  const become = ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--'];
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--root=.', '--configLoader=native'];
  const options = [
    '--config=tests/non-root/vitest.config.ts',
    '--reporter=json',
    `--outputFile=${outputFile}`,
  ];
  const [file = '', ...args] = [
    ...(await placeToRun(home)),
    ...become,
    process.execPath.replace(checkout, './'),
    ...vitest,
    ...options,
    ...files,
  ];
  const outcome = await run(file, args, {
    cwd: checkout,
    env: { PATH: process.env.PATH, HOME: home, TMPDIR: home },
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error: unknown) => String(error));
  const text = await readFile(outputFile, 'utf8').catch(() => {
    throw new Error(`the tests did not run: ${typeof outcome === 'string' ? outcome : outcome.stderr}`);
  });
  return reportSchema.parse(JSON.parse(text));
}

/** A command that runs another one in the checkout, which stands where its user can read it: elsewhere, if need be. */
async function placeToRun(home: string): Promise<string[]> {
  if (await isReadable(checkout)) return [];
  const script = 'mkdir "$0/checkout" && mount --bind "$PWD" "$0/checkout" && cd "$0/checkout" && exec "$@"';
  return ['unshare', '--mount', '--', 'sh', '-c', script, home];
}

/** Whether everyone may enter every folder down to `path`. */
async function isReadable(path: string): Promise<boolean> {
  const { mode } = await stat(path);
  if ((mode & 0o005) === 0o005) return path === dirname(path) || isReadable(dirname(path));
  return false;
}
