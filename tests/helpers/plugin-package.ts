import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Writes a plugin package into `dir`: plugin.json from `manifest`, version 1.0.0 unless it says otherwise, and
 * `files` by their path inside the package.
 *
 * @returns `dir`
 */
export async function writePackage(
  dir: string,
  manifest: Record<string, unknown>,
  files: Record<string, string> = { 'index.js': 'export {};' },
): Promise<string> {
  const all = { 'plugin.json': JSON.stringify({ version: '1.0.0', ...manifest }), ...files };
  for (const [path, content] of Object.entries(all)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), content);
  }
  return dir;
}
