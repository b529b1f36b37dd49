import { askedPermissions, type Manifest } from '@omniroute/shared/manifest';
import { missingPermissions, type Permission } from '@omniroute/shared/permission';
import { PluginError } from '../errors.ts';
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
 * Refuses a plugin that asks for child processes: they escape Node's permission model, and nothing else in this
 * version would hold them.
 *
 * @throws {PluginError} ISOLATION_UNAVAILABLE
 */
export function refuseExec(manifest: Manifest): void {
  if (!manifest.requires.permissions.includes('exec')) return;
  throw new PluginError(
    'ISOLATION_UNAVAILABLE',
    `Plugin '${manifest.name}' asks for "exec". This service cannot confine child processes on this machine, so it does not start them.`,
  );
}

function beyond(asked: readonly string[], held: readonly string[]): string[] {
  return asked.filter((item) => !held.includes(item));
}
