import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { manifestJsonSchema } from '@omniroute/shared/manifest';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { startService } from '../helpers/service.ts';

const bundledDir = fileURLToPath(new URL('../../plugins', import.meta.url));

async function manifestsIn(dir: string): Promise<[string, unknown][]> {
  const names = await readdir(dir);
  return Promise.all(
    names.map(
      async (name) =>
        [name, JSON.parse(await readFile(`${dir}/${name}/plugin.json`, 'utf8'))] as [string, unknown],
    ),
  );
}

const served = z.fromJSONSchema(manifestJsonSchema());

test('it is served at /plugin.schema.json, without a token', async () => {
  await using service = await startService();
  const response = await fetch(`${service.url}/plugin.schema.json`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toContain('json');
  expect(await response.json()).toEqual(JSON.parse(JSON.stringify(manifestJsonSchema())));
});

test.each(await manifestsIn(bundledDir))('it accepts the bundled %s', (_name, manifest) => {
  expect(served.safeParse(manifest).error).toBeUndefined();
});

test.each([
  ['no name', { version: '1.0.0' }],
  ['a name in capitals', { name: 'Sample', version: '1.0.0' }],
  ['a version that is no semver', { name: 'sample', version: '1' }],
  [
    'a permission that does not exist',
    { name: 'sample', version: '1.0.0', requires: { permissions: ['root'] } },
  ],
  [
    'a field type that does not exist',
    { name: 'sample', version: '1.0.0', configSchema: { a: { type: 'date' } } },
  ],
  [
    'a timeout of a day',
    { name: 'sample', version: '1.0.0', hooks: { onRequest: { timeoutMs: 86_400_000 } } },
  ],
])('it refuses %s', (_what, manifest) => {
  expect(served.safeParse(manifest).success).toBe(false);
});
