import { realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { askedPermissions, type Manifest } from '@omniroute/shared/manifest';
import { missingPermissions, type Permission } from '@omniroute/shared/permission';
import { PluginError } from '../errors.ts';
import { isInside } from './plugin-package.ts';
import type { PluginGrant } from './plugin-record.ts';

/** Everything that a manifest asks for, as the consent to it. */
export function grantOf(manifest: Manifest): PluginGrant {
  const { paths, hosts, env } = manifest.requires;
  return {
    permissions: askedPermissions(manifest),
    readPaths: paths.read,
    writePaths: paths.write,
    hosts,
    env,
  };
}

/**
 * Checks that a manifest asks for no more than was agreed to.
 *
 * @param alsoAgreed permissions that the operator agrees to in this call; paths, hosts and names come with them
 * @throws PluginError CONSENT_REQUIRED with the difference in `details`
 */
export function checkConsent(
  manifest: Manifest,
  held: PluginGrant,
  alsoAgreed: readonly Permission[] = [],
): void {
  const asked = grantOf(manifest);
  const permissions = missingPermissions(asked.permissions, [...held.permissions, ...alsoAgreed]);
  const difference = {
    permissions,
    readPaths: alsoAgreed.some((item) => item === 'file-read' || item === 'file-write')
      ? []
      : beyond(asked.readPaths, held.readPaths),
    writePaths: alsoAgreed.includes('file-write') ? [] : beyond(asked.writePaths, held.writePaths),
    hosts: alsoAgreed.includes('network') ? [] : beyond(asked.hosts, held.hosts),
    env: alsoAgreed.includes('env') ? [] : beyond(asked.env, held.env),
  };
  const missing = Object.values(difference).flat();
  if (missing.length === 0) return;
  throw new PluginError(
    'CONSENT_REQUIRED',
    `Version ${manifest.version} of '${manifest.name}' asks for more than was agreed to: ${missing.join(', ')}. ` +
      'Install it again with these permissions in "permissions" to agree.',
    { details: difference },
  );
}

/**
 * `requires.paths` as absolute paths after symlinks. A path that does not exist is granted as it is written.
 *
 * @throws PluginError ACTIVATION_FAILED for a path that holds, or is in, the data directory
 */
export async function resolveGrantPaths(manifest: Manifest, dataRoot: string): Promise<Manifest> {
  const { paths } = manifest.requires;
  const resolve = async (path: string): Promise<string> => {
    const absolute = path.startsWith('~/') ? join(homedir(), path.slice(2)) : join(path);
    const real = await realpath(absolute).catch(() => absolute);
    if (isInside(dataRoot, real) || isInside(real, dataRoot)) {
      throw new PluginError(
        'ACTIVATION_FAILED',
        `plugin.json: "requires.paths" lists ${path}, which holds or is in the service's data directory. No plugin may list that.`,
      );
    }
    return real;
  };
  const read = await Promise.all(paths.read.map(resolve));
  const write = await Promise.all(paths.write.map(resolve));
  return { ...manifest, requires: { ...manifest.requires, paths: { read, write } } };
}

function beyond(asked: readonly string[], held: readonly string[]): string[] {
  return asked.filter((item) => !held.includes(item));
}
