/**
 * What the layers cost at the start of a plugin, over a plain spawn of the same program, and how long a service with 50
 * plugins takes to start: `npx -y pnpm@12 exec node tests/bench/isolation-start.ts`. Medians of interleaved rounds, from
 * the spawn to the handshake.
 */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createApp } from '@omniroute/server/app';
import { parseConfig } from '@omniroute/server/config';
import { createLogger } from '@omniroute/server/logger';
import { childProgram } from '@omniroute/server/plugin-process/child-program';
import { composeCommand, detectLayers } from '@omniroute/server/plugin-process/layers/compose';
import { findSandboxTools } from '@omniroute/server/plugin-process/layers/find-tools';
import type { Layer } from '@omniroute/server/plugin-process/layers/layer';
import { PluginProcess } from '@omniroute/server/plugin-process/plugin-process';
import { ResourceLimits } from '@omniroute/server/plugin-process/resource-limits';
import { PluginLogs } from '@omniroute/server/plugins/plugin-logs';
import { PluginPaths } from '@omniroute/server/plugins/plugin-paths';
import { systemRuntime } from '@omniroute/server/runtime';
import type { MachineIsolation } from '@omniroute/shared/isolation';
import { request } from 'undici';
import { fixture } from '../helpers/fixture.ts';
import { writePackage } from '../helpers/plugin-package.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const rounds = 15;
const plugins = 50;
const pluginDir = fixture('reports-process');

const found = detectLayers(findSandboxTools()).flatMap(({ layer }) => layer ?? []);
const upTo = (...kinds: Layer['kind'][]) => found.filter(({ kind }) => kinds.includes(kind));
const variants: Record<string, Layer[]> = {
  'a plain spawn': [],
  '+ Node permissions': upTo('node'),
  '+ process limits': upTo('node', 'process'),
  '+ the operating system': upTo('node', 'process', 'os'),
};

const isolation: MachineIsolation = { level: 1, layers: [], gaps: [], canaries: [], checkedAt: '' };
await using logFolder = await temporaryFolder();
const logs = new PluginLogs({
  paths: new PluginPaths(logFolder.path),
  runtime: systemRuntime,
  logger: createLogger('silent'),
  onLine: () => {},
});
const limits = new ResourceLimits(() => performance.now(), createLogger('silent'));

const times = new Map<string, number[]>(Object.keys(variants).map((name) => [name, []]));
for (let round = 0; round <= rounds; round += 1) {
  for (const [name, layers] of Object.entries(variants)) {
    const ms = await start(layers);
    // The first round warms the disk's cache.
    if (round > 0) times.get(name)?.push(ms);
  }
}
const plain = median(times.get('a plain spawn') ?? []);
for (const [name, list] of times) {
  const ms = median(list);
  console.log(
    `${name.padEnd(24)} ${ms.toFixed(1)} ms (${Math.min(...list).toFixed(1)}–${Math.max(...list).toFixed(1)}), ` +
      `+${(ms - plain).toFixed(1)} ms, ${(ms / plain).toFixed(2)} times`,
  );
}
console.log(`\n${plugins} plugins, ${availableParallelism()} cores:`);
await startMany();

async function start(layers: readonly Layer[]): Promise<number> {
  const grants = { pluginDir, readPaths: [], writePaths: [], exec: false };
  const confinement = {
    command: composeCommand(layers, [childProgram], grants),
    hasChildren: false,
    isolation,
  };
  const startedAt = performance.now();
  const plugin = await PluginProcess.start({
    name: 'bench',
    version: '1.0.0',
    entry: join(pluginDir, 'index.js'),
    hooks: ['onRequest'],
    manifestJson: '{}',
    configJson: '{}',
    dataDir: undefined,
    cwd: pluginDir,
    env: {},
    confinement,
    limits,
    monotonicMs: () => performance.now(),
    fetcher: null,
    log: logs.of('bench'),
    onFault: (fault, message) => console.error(fault, message),
    handshakeTimeoutMs: 10_000,
    signal: new AbortController().signal,
  });
  const ms = performance.now() - startedAt;
  await plugin.kill();
  return ms;
}

async function startMany(): Promise<void> {
  await using folder = await temporaryFolder();
  const config = parseConfig({ PORT: '0', OMNIROUTE_DATA_DIR: folder.path, LOG_LEVEL: 'silent' });
  {
    await using app = await createApp(config);
    const token = (await readFile(join(folder.path, 'auth-token'), 'utf8')).trim();
    for (let index = 0; index < plugins; index += 1) {
      await using plugin = await temporaryFolder();
      const path = await writePackage(
        plugin.path,
        { name: `bench-${index}`, hooks: { onRequest: true }, enabledByDefault: true },
        { 'index.js': 'export function onRequest() {}' },
      );
      const { statusCode, body } = await request(`http://127.0.0.1:${app.port}/api/plugins`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ path }),
      });
      const text = await body.text();
      if (statusCode !== 201) throw new Error(text);
    }
  }
  for (let round = 0; round < 3; round += 1) {
    const startedAt = performance.now();
    await using app = await createApp(config);
    const ms = performance.now() - startedAt;
    console.log(`${app.plugins.active} of ${app.plugins.enabled} active after ${ms.toFixed(0)} ms`);
  }
}

function median(list: readonly number[]): number {
  return list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
}
