import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PluginDetail } from '@omniroute/shared/plugin';
import { fixture } from './fixture.ts';
import type { Service } from './service.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Installs and activates a fixture with other values in its `plugin.json`: another name, other hook settings. */
export async function addVariant(service: Service, name: string, changes: object): Promise<PluginDetail> {
  await using folder = await temporaryFolder();
  await cp(fixture(name), folder.path, { recursive: true });
  const file = join(folder.path, 'plugin.json');
  const manifest = { ...JSON.parse(await readFile(file, 'utf8')), ...changes };
  await writeFile(file, JSON.stringify(manifest));
  const installed = await service.call('POST', '/api/plugins', { path: folder.path });
  if (installed.status !== 201) throw new Error(JSON.stringify(installed.body));
  const activated = await service.call('POST', `/api/plugins/${manifest.name}/activate`);
  if (activated.status !== 200) throw new Error(JSON.stringify(activated.body));
  return await service.plugin(manifest.name);
}
