import { join } from 'node:path';
import type { PluginDetail } from '@omniroute/shared/plugin';
import { act, install, runRequest } from '../helpers/plugin-calls.ts';
import { writePackage } from '../helpers/plugin-package.ts';
import type { RestCaller } from '../helpers/rest-caller.ts';

interface Caller {
  call: RestCaller;
}

export const growing = 'grows';

/** Writes a version of the plugin that the service's faults meet; it says its version and its config. */
export function growingVersion(folder: string, version: string): Promise<string> {
  return writePackage(
    join(folder, version),
    {
      name: growing,
      version,
      hooks: { onRequest: true },
      configSchema: { word: { type: 'string', default: 'plain' } },
    },
    {
      'index.js': `export const onRequest = ({ config }) => ({ metadata: { serves: '${version} ' + config.word } });`,
      'data.txt': 'x'.repeat(100_000),
    },
  );
}

/** Version 1.0.0, active and configured. */
export async function addGrowing(caller: Caller, folder: string): Promise<void> {
  await install(caller, await growingVersion(folder, '1.0.0'));
  await act(caller, growing, 'activate');
  await configureGrowing(caller, 'kept');
}

export async function configureGrowing({ call }: Caller, word: string) {
  return call<{ error?: { code: string } }>('PUT', `/api/plugins/${growing}/config`, { config: { word } });
}

export async function growingDetail({ call }: Caller): Promise<PluginDetail> {
  const { body } = await call<{ plugin: PluginDetail }>('GET', `/api/plugins/${growing}`);
  return body.plugin;
}

/** What it answers a request with, or what the API says of it. */
export async function growingText(caller: Caller): Promise<string> {
  const { status } = await caller.call('GET', `/api/plugins/${growing}`);
  if (status === 404) return 'not installed';
  const plugin = await growingDetail(caller);
  if (plugin.status !== 'active') return `\`${plugin.status}\``;
  const { metadata } = await runRequest(caller);
  return `\`active\`, serves ${String(metadata['serves'])}`;
}
