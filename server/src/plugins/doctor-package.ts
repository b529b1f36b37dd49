import { lstat, realpath, stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { type Manifest, pluginApiVersion } from '@omniroute/shared/manifest';
import { errorCode } from '../errors.ts';
import { fail, type Finding, notChecked, pass, refusal, warn } from './doctor-finding.ts';
import { checkIntegrity, locateEntry } from './plugin-entry.ts';
import type { PluginFiles } from './plugin-files.ts';
import type { PluginRecord } from './plugin-record.ts';
import { checkApiVersion, readAnyManifest } from './read-manifest.ts';

/** What became of reading `plugin.json`: null where the folder is not in its place. */
export type ManifestRead = { value: Manifest | null } | { error: unknown };

const installAgain = 'install the plugin again from its source with "replace": true';

/** Reads nothing through a symlink: what is behind it is not the plugin. */
export async function readPlacedManifest(dir: string): Promise<ManifestRead> {
  try {
    return { value: (await placeOf(dir)) === 'there' ? await readAnyManifest(dir) : null };
  } catch (error) {
    return { error };
  }
}

export async function checkDirectory(record: PluginRecord, files: PluginFiles): Promise<Finding> {
  const dir = files.paths.plugin(record.name);
  if (record.pluginDir !== dir) {
    return fail(
      `Its folder should be ${dir}, but another one is recorded.`,
      'Uninstall the plugin and install it again.',
    );
  }
  const place = await placeOf(dir);
  if (place === 'gone') {
    return fail(
      `Its folder ${dir} is gone.`,
      `Put the folder back, or ${installAgain}; or uninstall the plugin.`,
    );
  }
  if (place === 'elsewhere') {
    return fail(
      `${dir} is not a folder of its own: it is a symlink, or a file.`,
      `Put the real folder in its place, or remove what is there and ${installAgain}.`,
    );
  }
  try {
    await files.inspect(dir);
  } catch (error) {
    return fail(refusal(error), `Take it out of ${dir}, or ${installAgain}.`);
  }
  return pass(`Its folder is ${dir}, with regular files and folders only.`);
}

export function checkManifest(record: PluginRecord, read: ManifestRead, isRunning: boolean): Finding {
  if ('error' in read) {
    return fail(refusal(read.error), `Mend plugin.json in the plugin's folder, or ${installAgain}.`);
  }
  const manifest = read.value;
  if (manifest === null) return notChecked('its folder is not in its place.', 'See to its folder first.');
  if (manifest.name !== record.name) {
    return fail(
      `plugin.json names '${manifest.name}' now; the folder is that of '${record.name}'.`,
      `Set "name" back to "${record.name}", or install the renamed plugin from a folder of its own.`,
    );
  }
  if (!isDeepStrictEqual(manifest, record.manifest)) {
    return warn(
      `plugin.json is valid, but was edited since the plugin was ${record.activatedAt === null ? 'installed' : 'activated'}.`,
      `${isRunning ? 'Restart' : 'Activate'} the plugin to apply what is there now.`,
    );
  }
  return pass('plugin.json is valid, and nobody has edited it since the service read it.');
}

/** @param startedAt when its process started; null where none runs */
export async function checkEntry(manifest: Manifest, dir: string, startedAt: Date | null): Promise<Finding> {
  let entry: string;
  try {
    entry = await locateEntry(dir, manifest);
  } catch (error) {
    return fail(refusal(error), `Put ${manifest.main} back, or ${installAgain}.`);
  }
  if (startedAt !== null && (await stat(entry)).ctime > startedAt) {
    return warn(
      `${manifest.main} was changed after its process had started: what runs is not what is on disk.`,
      'Restart the plugin to run what is there now.',
    );
  }
  return pass(`${manifest.main} is a regular file inside the folder.`);
}

export async function checkEntryIntegrity(manifest: Manifest, dir: string): Promise<Finding> {
  if (manifest.integrity === undefined) {
    return pass('plugin.json declares no "integrity", so changes of the entry file are not noticed.');
  }
  let entry: string;
  try {
    entry = await locateEntry(dir, manifest);
  } catch (error) {
    return notChecked(refusal(error), 'See to the entry file first.');
  }
  try {
    await checkIntegrity(entry, manifest.integrity);
  } catch (error) {
    return fail(
      refusal(error),
      `If the change is not yours, ${installAgain}; if it is, write the new hash to "integrity".`,
    );
  }
  return pass(`${manifest.main} matches the "integrity" of plugin.json.`);
}

export function checkHostRange(manifest: Manifest): Finding {
  const range = manifest.requires.omniroute;
  if (range === undefined) {
    return pass('plugin.json has no "requires.omniroute": it takes any version of the plugin API.');
  }
  try {
    checkApiVersion(manifest);
  } catch (error) {
    return fail(
      refusal(error),
      `Install a version of the plugin that is made for the plugin API ${pluginApiVersion}, or update this service.`,
    );
  }
  return pass(`It requires OmniRoute ${range}; this service offers the plugin API ${pluginApiVersion}.`);
}

async function placeOf(dir: string): Promise<'there' | 'gone' | 'elsewhere'> {
  try {
    const facts = await lstat(dir);
    return facts.isDirectory() && (await realpath(dir)) === dir ? 'there' : 'elsewhere';
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    return 'gone';
  }
}
