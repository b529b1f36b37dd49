import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { act, install } from '../../helpers/plugin-calls.ts';
import { startServiceBeside } from '../../helpers/plugin-fetches.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { json, startUpstream } from '../../helpers/upstream.ts';

test('the plugin that the guide shows for fetch asks its classifier, and is closed without it', async () => {
  const guide = await readFile(new URL('../../../docs/plugin-guide.md', import.meta.url), 'utf8');
  const section = guide.split('### Asking other services')[1] ?? '';
  const block = (language: string) => section.split(`\`\`\`${language}\n`)[1]?.split('```')[0] ?? '';
  const manifest = JSON.parse(block('json'));
  await using upstream = await startUpstream(json(200, { allowed: true }));
  await using service = await startServiceBeside(upstream);
  await using folder = await temporaryFolder();
  manifest.requires.hosts = [`127.0.0.1:${upstream.port}`];
  await writePackage(folder.path, manifest, { 'index.js': block('js') });
  await install(service, folder.path);
  const config = { endpoint: `http://127.0.0.1:${upstream.port}/check` };
  await service.call('PUT', `/api/plugins/${manifest.name}/config`, { config });
  expect((await act(service, manifest.name, 'activate')).status).toBe(200);

  expect((await service.chat({ content: 'hello' })).status).toBe(200);
  expect(upstream.requests.map(({ body }) => JSON.parse(String(body)))).toEqual([{ text: 'hello' }]);
  upstream.answer = json(200, { allowed: false });
  expect((await service.chat()).status).toBe(403);
  upstream.answer = json(500, {});
  expect((await service.chat()).status).toBe(503);
});
