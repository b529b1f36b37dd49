import { readdir } from 'node:fs/promises';
import type { ScanOutput } from '@omniroute/shared/plugin';
import { pluginNameSchema } from '@omniroute/shared/manifest';
import { messageOf, PluginError } from '../errors.ts';
import type { EventBus } from '../event-bus.ts';
import type { Runtime } from '../runtime.ts';
import type { PluginFiles } from './plugin-files.ts';
import { resolveEntry } from './plugin-entry.ts';
import { readManifest } from './read-manifest.ts';
import { newRecord } from './plugin-record.ts';
import type { PluginRepository } from './plugin-repository.ts';
import type { PluginRunner } from './plugin-runner.ts';
import type { PluginTurns } from './plugin-turns.ts';

interface Options {
  repository: PluginRepository;
  files: PluginFiles;
  runner: PluginRunner;
  turns: PluginTurns;
  events: EventBus;
  runtime: Runtime;
}

/** Registers the plugin folders that somebody put under `<data>/plugins` by hand. */
export class PluginScanner {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  async scan(): Promise<ScanOutput> {
    const { files, repository, turns } = this.#options;
    const entries = await readdir(files.paths.plugins, { withFileTypes: true });
    const visible = entries.filter((entry) => !entry.name.startsWith('.'));
    const errors: ScanOutput['errors'] = [];
    for (const entry of visible) {
      try {
        if (!entry.isDirectory()) throw new PluginError('INVALID_REQUEST', 'It is not a folder.');
        await turns.take(entry.name, () => this.#register(entry.name));
      } catch (error) {
        errors.push({ name: entry.name, error: messageOf(error) });
      }
    }
    const present = new Set(visible.map((entry) => entry.name));
    for (const { name } of await repository.list()) {
      if (!present.has(name)) await turns.take(name, () => this.#markGone(name));
    }
    return { discovered: visible.length - errors.length, errors };
  }

  async #register(folder: string): Promise<void> {
    const { files, repository, events, runtime } = this.#options;
    const named = pluginNameSchema.safeParse(folder);
    if (!named.success)
      throw new PluginError('INVALID_MANIFEST', `The folder's name ${named.error.issues[0]?.message}.`);
    const dir = files.paths.plugin(folder);
    await files.inspect(dir);
    const manifest = await readManifest(dir);
    if (manifest.name !== folder) {
      throw new PluginError(
        'INVALID_MANIFEST',
        `plugin.json names '${manifest.name}'; the folder must have the same name.`,
      );
    }
    await resolveEntry(dir, manifest);
    if (await repository.find(folder)) return;
    const record = newRecord(manifest, {
      id: runtime.newId(),
      pluginDir: dir,
      now: runtime.now().toISOString(),
    });
    await repository.insert(record, null);
    events.publish({ topic: 'plugins', name: folder, change: 'updated' });
  }

  async #markGone(name: string): Promise<void> {
    const { repository, files, runner, events, runtime } = this.#options;
    const record = await repository.find(name);
    if (!record || (await files.exists(name))) return;
    await runner.stop(name);
    const errorMessage = 'Its folder is gone. Put it back and activate the plugin, or uninstall it.';
    await repository.save({
      ...record,
      status: 'error',
      errorMessage,
      updatedAt: runtime.now().toISOString(),
    });
    events.publish({ topic: 'plugins', name, change: 'updated' });
  }
}
