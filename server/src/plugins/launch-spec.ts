import { mkdir, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askedPermissions, type Manifest } from '@omniroute/shared/manifest';
import { effectiveConfig, type PluginConfig } from '@omniroute/shared/plugin-config';
import { errorCode, PluginError } from '../errors.ts';
import type { PluginFiles } from './plugin-files.ts';
import { isInside } from './path.ts';
import { resolveEntry } from './plugin-entry.ts';
import type { PluginGrant, PluginRecord } from './plugin-record.ts';

/** Everything that a plugin's process needs to know at its start, and all that it may touch. */
export interface LaunchSpec {
  manifest: Manifest;
  dir: string;
  /** Absolute path of the entry file. */
  entry: string;
  /** The effective config. */
  config: PluginConfig;
  /** The plugin's own folder, where its permissions give it one. */
  dataDir: string | undefined;
  /** Absolute, after symlinks, the data folder among them; those it may write it may read, too. */
  readPaths: string[];
  writePaths: string[];
  /** Whether it may start programs. */
  exec: boolean;
  /** Names of environment variables beside those that every plugin gets; null without the permission. */
  envNames: string[] | null;
  /** What its `fetch` may reach: hosts, or every public one; null without the permission. */
  hosts: string[] | 'public' | null;
}

/**
 * What the permissions of a plugin come to on this machine: what its manifest asks for, as far as that was granted.
 *
 * @param dir the folder that it is started from
 * @throws {PluginError} INVALID_MANIFEST for an entry file that cannot be used, ACTIVATION_FAILED for a path that no
 *   plugin may have
 */
export async function launchSpec(
  record: PluginRecord,
  dir: string,
  grant: PluginGrant,
  files: PluginFiles,
): Promise<LaunchSpec> {
  const { manifest, config, configSchema } = record;
  const { paths, hosts, env } = manifest.requires;
  const asked = askedPermissions(manifest);
  const mayRead = asked.includes('file-read');
  const mayWrite = asked.includes('file-write');
  const entry = await resolveEntry(dir, manifest);
  const { root } = files.paths;
  const read = await Promise.all(
    mayRead ? both(paths.read, grant.readPaths).map((path) => toRead(path, root)) : [],
  );
  const write = await Promise.all(
    mayWrite ? both(paths.write, grant.writePaths).map((path) => toWrite(path, root)) : [],
  );
  const dataDir = mayRead ? await files.makeDataDir(manifest.name) : undefined;
  const own = dataDir === undefined ? [] : [dataDir];
  return {
    manifest,
    dir,
    entry,
    config: effectiveConfig(configSchema, config),
    dataDir,
    readPaths: [...(mayWrite ? [] : own), ...read.flat()],
    writePaths: mayWrite ? [...own, ...write] : [],
    exec: asked.includes('exec') && grant.permissions.includes('exec'),
    envNames: asked.includes('env') ? both(env, grant.env) : null,
    hosts: asked.includes('network') ? grantedHosts(hosts, grant) : null,
  };
}

/** What the kernel makes up there leads anywhere: into other processes, and by their roots to every file. */
const neverListed = ['/proc', '/sys', '/dev'];
/** The service's own program, and the Node that runs it: who writes there is the service at its next start. */
const neverWritten = [fileURLToPath(new URL('../../..', import.meta.url)), process.execPath];

/** A path to read; none where there is nothing yet, since only what is there can be shown to a process. */
async function toRead(path: string, dataRoot: string): Promise<string[]> {
  const { real, exists } = await resolvePath(path, [dataRoot]);
  return exists ? [real] : [];
}

/** A path to write, which is made a folder where there is nothing. */
async function toWrite(path: string, dataRoot: string): Promise<string> {
  const { real, exists } = await resolvePath(path, [dataRoot, ...neverWritten]);
  if (exists) return real;
  try {
    await mkdir(real, { recursive: true });
    return real;
  } catch (error) {
    throw new PluginError(
      'ACTIVATION_FAILED',
      `plugin.json: "requires.paths" lists ${path} to write to, which does not exist and cannot be made (${errorCode(error)}). Make it, or take it out of plugin.json.`,
      { cause: error },
    );
  }
}

/** An absolute path after symlinks, of which the last parts need not exist. */
async function resolvePath(
  path: string,
  refused: readonly string[],
): Promise<{ real: string; exists: boolean }> {
  const absolute = path.startsWith('~/') ? join(homedir(), path.slice(2)) : join(path);
  const { real, exists } = await realpathOfNearest(absolute);
  const meets = (other: string) => isInside(other, real) || isInside(real, other);
  if (![...refused, ...neverListed].some(meets)) return { real, exists };
  throw new PluginError(
    'ACTIVATION_FAILED',
    `plugin.json: "requires.paths" lists ${path}. No plugin may have the service's data directory, ${neverListed.join(', ')}, or a folder that holds one of them, nor write to the service's own program.`,
  );
}

async function realpathOfNearest(path: string): Promise<{ real: string; exists: boolean }> {
  const parent = dirname(path);
  if (parent === path) return { real: path, exists: true };
  try {
    return { real: await realpath(path), exists: true };
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    const { real } = await realpathOfNearest(parent);
    return { real: join(real, basename(path)), exists: false };
  }
}

/** Hosts that are not listed are every public one: only where neither side lists any. */
function grantedHosts(asked: readonly string[], { permissions, hosts }: PluginGrant): LaunchSpec['hosts'] {
  if (!permissions.includes('network')) return null;
  if (asked.length > 0) return both(asked, hosts);
  return hosts.length > 0 ? hosts : 'public';
}

function both(asked: readonly string[], granted: readonly string[]): string[] {
  return asked.filter((item) => granted.includes(item));
}
