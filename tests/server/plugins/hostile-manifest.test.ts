import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { footprint } from '../../helpers/footprint.ts';
import { install } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});

afterAll(() => service[Symbol.asyncDispose]());

const valid = '"name":"hostile","version":"1.0.0"';
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

test.each<[string, string | Uint8Array, string]>([
  ['is empty', '', 'not JSON'],
  ['is not JSON', `{${valid},}`, 'not JSON'],
  ['is an array', `[{${valid}}]`, 'one JSON object'],
  ['is null', 'null', 'one JSON object'],
  ['is a string', '"hostile"', 'one JSON object'],
  ['is larger than 256 KiB', `{${valid},"note":"${'x'.repeat(256 * 1024)}"}`, '262144'],
  ['is not UTF-8', Buffer.from(`{${valid},"author":"\xff\xfe"}`, 'latin1'), 'UTF-8'],
  ['is UTF-16', Buffer.from(`{${valid}}`, 'utf16le'), 'plugin.json'],
  ['starts with a byte order mark', `\uFEFF{${valid}}`, 'not JSON'],
  ['holds __proto__', `{${valid},"__proto__":{"enabledByDefault":true}}`, '__proto__'],
  ['holds constructor', `{${valid},"constructor":{}}`, 'constructor'],
  ['holds __proto__ below', `{${valid},"configSchema":{"__proto__":{"type":"string"}}}`, '__proto__'],
  [
    'holds __proto__ in an array',
    `{${valid},"skills":[{"name":"x","input":[{"__proto__":1}]}]}`,
    '__proto__',
  ],
  ['nests deeper than anything real', `{${valid},"x":${nested(40)}}`, 'nests deeper'],
  ['nests so deep that a walk overflows', `{${valid},"x":${nested(20_000)}}`, 'plugin.json'],
])(
  'a plugin.json that %s is refused with a sentence, and nothing remains',
  async (_what, content, message) => {
    await using folder = await temporaryFolder();
    await writePackage(folder.path, { name: 'hostile' });
    await writeFile(join(folder.path, 'plugin.json'), content);
    const before = await footprint(service.dataDir);
    const { status, error } = await install(service, folder.path);
    expect({ status, code: error.code }).toEqual({ status: 400, code: 'INVALID_MANIFEST' });
    expect(error.message).toContain(message);
    expect(error.message.length).toBeLessThan(500);
    expect(await footprint(service.dataDir)).toEqual(before);
  },
);

test('the answer names the field that is wrong', async () => {
  await using folder = await temporaryFolder();
  await writePackage(folder.path, {
    name: 'hostile',
    version: 'latest',
    tags: 'all',
    hooks: { onRequest: { priority: 'high' } },
  });
  const { status, error } = await install(service, folder.path);
  expect(status).toBe(400);
  expect(error.details).toEqual(
    ['version', 'tags', 'hooks.onRequest'].map((path) => ({ path, message: expect.any(String) })),
  );
});
