import { askedPermissions, type Manifest } from '@omniroute/shared/manifest';
import { missingPermissions, type Permission } from '@omniroute/shared/permission';
import { PluginError } from '../errors.ts';
import type { Sandbox } from '../plugin-process/sandbox.ts';
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
 * What a manifest asks for beyond what was agreed to; null where that is nothing.
 *
 * @param alsoAgreed permissions that the operator agrees to in this call; paths, hosts and names come with them
 */
export function beyondConsent(
  manifest: Manifest,
  held: PluginGrant,
  alsoAgreed: readonly Permission[] = [],
): PluginGrant | null {
  const asked = grantOf(manifest);
  const agreed = new Set(alsoAgreed);
  if (agreed.has('file-write')) agreed.add('file-read');
  // What goes with a permission counts only where that is asked for: without it the plugin does not get it.
  const unless = (permission: Permission, items: string[]) =>
    agreed.has(permission) || !asked.permissions.includes(permission) ? [] : items;
  const readPaths = unless('file-read', beyond(asked.readPaths, held.readPaths));
  const writePaths = unless('file-write', beyond(asked.writePaths, held.writePaths));
  const hosts = unless('network', beyondHosts(asked.hosts, held));
  const env = unless('env', beyond(asked.env, held.env));
  // Agreeing to a permission anew is how an operator agrees to what goes with it.
  const permissions = new Set<Permission>([
    ...missingPermissions(asked.permissions, [...held.permissions, ...agreed]),
    ...(readPaths.length > 0 ? (['file-read'] as const) : []),
    ...(writePaths.length > 0 ? (['file-write'] as const) : []),
    ...(hosts.length > 0 ? (['network'] as const) : []),
    ...(env.length > 0 ? (['env'] as const) : []),
  ]);
  if (permissions.size === 0) return null;
  return { permissions: [...permissions], readPaths, writePaths, hosts, env };
}

/**
 * Checks that a manifest asks for no more than was agreed to; parameters as of {@link beyondConsent}.
 *
 * @throws PluginError CONSENT_REQUIRED with the difference in `details`
 */
export function checkConsent(
  manifest: Manifest,
  held: PluginGrant,
  alsoAgreed: readonly Permission[] = [],
): void {
  const difference = beyondConsent(manifest, held, alsoAgreed);
  if (difference === null) return;
  throw new PluginError(
    'CONSENT_REQUIRED',
    `Version ${manifest.version} of '${manifest.name}' asks for more than was agreed to: ${Object.values(difference).flat().join(', ')}. ` +
      'To agree, install it again with "permissions": ' +
      `${JSON.stringify(difference.permissions)}.`,
    { details: difference },
  );
}

/**
 * Refuses a plugin that asks for child processes where nothing holds them: they escape Node's permission model.
 *
 * @throws {PluginError} ISOLATION_UNAVAILABLE
 */
export function refuseExec(manifest: Manifest, { execRefusal }: Pick<Sandbox, 'execRefusal'>): void {
  if (execRefusal === null || !manifest.requires.permissions.includes('exec')) return;
  throw new PluginError('ISOLATION_UNAVAILABLE', `Plugin '${manifest.name}' asks for "exec". ${execRefusal}`);
}

/** To list no host is to ask for every public one. */
function beyondHosts(asked: readonly string[], { permissions, hosts }: PluginGrant): string[] {
  if (!permissions.includes('network') || asked.length > 0) return beyond(asked, hosts);
  return hosts.length > 0 ? ['every public host'] : [];
}

function beyond(asked: readonly string[], held: readonly string[]): string[] {
  return asked.filter((item) => !held.includes(item));
}
