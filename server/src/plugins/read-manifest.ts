import { constants, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { hooksNotCalledYet, type HookName } from '@omniroute/shared/hook';
import {
  declaredHooks,
  type Manifest,
  manifestMaxBytes,
  manifestMaxDepth,
  manifestSchema,
  pluginApiVersion,
  unknownHooks,
} from '@omniroute/shared/manifest';
import { satisfies, validRange } from 'semver';
import { messageOf, PluginError } from '../errors.ts';
import { prototypeKeys } from '../prototype-keys.ts';

export const manifestFile = 'plugin.json';

/**
 * Reads and validates `plugin.json` in `dir`, which must be made for this plugin API.
 *
 * @throws PluginError INVALID_MANIFEST, with `details: [{ path, message }]` where the schema refuses it
 */
export async function readManifest(dir: string): Promise<Manifest> {
  const manifest = await readAnyManifest(dir);
  checkApiVersion(manifest);
  return manifest;
}

/** {@link readManifest} without a look at `requires.omniroute`. Throws PluginError INVALID_MANIFEST. */
export async function readAnyManifest(dir: string): Promise<Manifest> {
  const parsed = manifestSchema.safeParse(parseManifestText(await readManifestText(join(dir, manifestFile))));
  if (!parsed.success) {
    const details = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
    const [first] = details;
    throw new PluginError('INVALID_MANIFEST', `plugin.json: "${first?.path}" ${first?.message}.`, {
      details,
    });
  }
  return parsed.data;
}

/** What an operator should know about a valid manifest, as sentences. */
export function manifestWarnings(manifest: Manifest): string[] {
  const pending = declaredHooks(manifest).filter(({ name }) => isNotCalledYet(name));
  return [
    ...unknownHooks(manifest).map((name) => `"${name}" is not a hook; it is switched off and ignored.`),
    ...pending.map(({ name }) => `This version does not call ${name} yet.`),
  ];
}

function isNotCalledYet(name: HookName): boolean {
  return hooksNotCalledYet.includes(name);
}

async function readManifestText(path: string): Promise<string> {
  // Without O_NONBLOCK the open of a pipe waits for a writer, for ever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw new PluginError(
      'INVALID_MANIFEST',
      `${basename(path)} cannot be read: it is missing or not readable.`,
      { cause: error },
    );
  });
  try {
    const facts = await file.stat();
    if (!facts.isFile()) throw new PluginError('INVALID_MANIFEST', 'plugin.json must be a regular file.');
    if (facts.size > manifestMaxBytes) {
      throw new PluginError(
        'INVALID_MANIFEST',
        `plugin.json is ${facts.size} bytes; the limit is ${manifestMaxBytes}.`,
      );
    }
    const bytes = await file.readFile();
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof PluginError) throw error;
    throw new PluginError('INVALID_MANIFEST', 'plugin.json is not UTF-8 text.', { cause: error });
  } finally {
    await file.close();
  }
}

function parseManifestText(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PluginError('INVALID_MANIFEST', `plugin.json is not JSON: ${messageOf(error)}.`, {
      cause: error,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new PluginError('INVALID_MANIFEST', 'plugin.json must hold one JSON object.');
  }
  checkKeys(value, 1);
  return value;
}

function checkKeys(value: object, depth: number): void {
  const entries: [string, unknown][] = Object.entries(value);
  if (depth > manifestMaxDepth) {
    throw new PluginError('INVALID_MANIFEST', `plugin.json nests deeper than ${manifestMaxDepth} levels.`);
  }
  for (const [key, child] of entries) {
    if (prototypeKeys.has(key))
      throw new PluginError('INVALID_MANIFEST', `plugin.json may not hold the key "${key}".`);
    if (typeof child === 'object' && child !== null) checkKeys(child, depth + 1);
  }
}

/** Judges `requires.omniroute` against the plugin API of this service. Throws PluginError INVALID_MANIFEST. */
export function checkApiVersion({ requires }: Pick<Manifest, 'requires'>): void {
  const range = requires.omniroute;
  if (range === undefined) return;
  if (validRange(range) === null) {
    throw new PluginError(
      'INVALID_MANIFEST',
      `plugin.json: "requires.omniroute" is not a semver range: ${range}.`,
    );
  }
  if (!satisfies(pluginApiVersion, range)) {
    throw new PluginError(
      'INVALID_MANIFEST',
      `The plugin requires OmniRoute ${range}; this service offers the plugin API ${pluginApiVersion}.`,
    );
  }
}
