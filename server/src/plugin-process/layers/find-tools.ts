import { existsSync } from 'node:fs';
import type { SandboxTools } from './layer.ts';

/** Looks for the programs where systems keep them, whatever PATH says: who sets PATH must not choose them. */
export function findSandboxTools(): SandboxTools {
  const find = (name: string) =>
    process.platform === 'linux'
      ? (['/usr/bin', '/bin'].map((dir) => `${dir}/${name}`).find((path) => existsSync(path)) ?? null)
      : null;
  return { setpriv: find('setpriv'), prlimit: find('prlimit'), bwrap: find('bwrap') };
}
