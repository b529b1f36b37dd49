import { constants, lstat, open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, extname, join, sep } from 'node:path';
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
import { checkData, fromData } from 'ssri';
import { messageOf, PluginError } from '../errors.ts';

const manifestFile = 'plugin.json';
const entryExtensions = new Set(['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts']);
const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * The plugin directory that `path` names: it holds `plugin.json`, or is the parent of exactly one that does.
 *
 * @returns an absolute path, after symlinks
 * @throws PluginError INVALID_REQUEST
 */
export async function locatePackage(path: string): Promise<string> {
  const dir = await realpath(path).catch(() => null);
  if (dir === null || !(await isDirectory(dir))) {
    throw new PluginError(
      'INVALID_REQUEST',
      `There is no folder at ${path}. Give the absolute path of the plugin's folder.`,
    );
  }
  if (await exists(join(dir, manifestFile))) return dir;
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: unknown) => {
    throw new PluginError('INVALID_REQUEST', `The folder ${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  });
  const candidates = entries.filter((entry) => entry.isDirectory()).map((entry) => join(dir, entry.name));
  const found = await Promise.all(
    candidates.map(async (child) => ((await exists(join(child, manifestFile))) ? [child] : [])),
  );
  const [only, another] = found.flat();
  if (only !== undefined && another === undefined) return only;
  const problem = only === undefined ? 'no plugin.json' : 'more than one plugin';
  throw new PluginError(
    'INVALID_REQUEST',
    `There is ${problem} in ${path}. Give the folder that holds plugin.json.`,
  );
}

/**
 * Reads and validates `plugin.json` in `dir`.
 *
 * @throws PluginError INVALID_MANIFEST, with `details: [{ path, message }]` where the schema refuses it
 */
export async function readManifest(dir: string): Promise<Manifest> {
  const parsed = manifestSchema.safeParse(parseManifestText(await readManifestText(join(dir, manifestFile))));
  if (!parsed.success) {
    const details = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
    const [first] = details;
    throw new PluginError('INVALID_MANIFEST', `plugin.json: "${first?.path}" ${first?.message}.`, {
      details,
    });
  }
  checkApiVersion(parsed.data);
  return parsed.data;
}

/**
 * Checks that `main` is a regular file inside `dir`, after symlinks, that Node can load, and matches `integrity`.
 *
 * @returns its absolute path
 * @throws PluginError INVALID_MANIFEST
 */
export async function resolveEntry(dir: string, manifest: Manifest): Promise<string> {
  const root = await realpath(dir);
  const entry = await realpath(join(root, manifest.main)).catch(() => null);
  if (entry === null || !(await stat(entry)).isFile()) {
    throw new PluginError(
      'INVALID_MANIFEST',
      `plugin.json: "main" names ${manifest.main}, which is not a file of the plugin.`,
    );
  }
  if (!isInside(root, entry)) {
    throw new PluginError(
      'INVALID_MANIFEST',
      `plugin.json: "main" names ${manifest.main}, which is outside the plugin.`,
    );
  }
  if (!entryExtensions.has(extname(entry))) {
    const allowed = [...entryExtensions].join(', ');
    throw new PluginError(
      'INVALID_MANIFEST',
      `plugin.json: "main" names ${manifest.main}; it must end in one of ${allowed}.`,
    );
  }
  await checkIntegrity(entry, manifest.integrity);
  return entry;
}

/** What an operator should know about a valid manifest, as sentences. */
export function manifestWarnings(manifest: Manifest): string[] {
  const pending = declaredHooks(manifest).filter(({ name }) => isNotCalledYet(name));
  return [
    ...unknownHooks(manifest).map((name) => `"${name}" is not a hook; it is switched off and ignored.`),
    ...pending.map(({ name }) => `This version does not call ${name} yet.`),
  ];
}

/** Whether `path` is `dir` or below it. Both absolute, after symlinks. */
export function isInside(dir: string, path: string): boolean {
  return path === dir || path.startsWith(dir.endsWith(sep) ? dir : dir + sep);
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
    if (forbiddenKeys.has(key))
      throw new PluginError('INVALID_MANIFEST', `plugin.json may not hold the key "${key}".`);
    if (typeof child === 'object' && child !== null) checkKeys(child, depth + 1);
  }
}

function checkApiVersion({ requires }: Manifest): void {
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

async function checkIntegrity(entry: string, expected: string | undefined): Promise<void> {
  if (expected === undefined) return;
  const content = await readFile(entry);
  if (checkData(content, expected)) return;
  const actual = fromData(content, { algorithms: ['sha256'] }).toString();
  throw new PluginError(
    'INVALID_MANIFEST',
    `The entry file does not match "integrity": it is ${actual}, plugin.json says ${expected}.`,
  );
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null)) !== null;
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path)).isDirectory();
}
