import type { Manifest } from '@omniroute/shared/manifest';
import { PluginError } from '../errors.ts';
import type { PluginFiles } from './plugin-files.ts';
import { resolveEntry } from './plugin-entry.ts';
import { readManifest } from './read-manifest.ts';

/**
 * Copies the package in `source` into the operation's staging folder and validates the copy: that is what counts.
 *
 * @param announced what `source` said before it was copied
 * @throws {PluginError} PACKAGE_REJECTED, INVALID_MANIFEST, or INSTALL_FAILED where `source` has changed meanwhile
 */
export async function stagePackage(
  files: PluginFiles,
  operation: string,
  source: string,
  announced: Manifest,
): Promise<{ staging: string; manifest: Manifest }> {
  const staging = await files.stage(operation, source);
  const manifest = await readManifest(staging);
  if (manifest.name !== announced.name || manifest.version !== announced.version) {
    throw new PluginError(
      'INSTALL_FAILED',
      'The plugin folder changed while it was copied. Install it again.',
    );
  }
  await resolveEntry(staging, manifest);
  return { staging, manifest };
}
