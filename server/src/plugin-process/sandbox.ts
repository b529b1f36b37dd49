import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const childDir = fileURLToPath(new URL('./child/', import.meta.url));
const childProgram = fileURLToPath(new URL('./child/main.js', import.meta.url));

export const heapMegabytes = 128;
/** The most that a process may hold, its JavaScript heap included. */
export const maxMemoryBytes = (heapMegabytes + 512) * 1024 * 1024;

/** What one plugin's process may touch, as absolute paths after symlinks. */
export interface Grants {
  pluginDir: string;
  readPaths: readonly string[];
  writePaths: readonly string[];
}

export interface Command {
  file: string;
  args: string[];
}

/** The program that wraps a plugin's process, and whether this machine has it. */
export interface SandboxTools {
  setpriv: string | null;
  prlimit: string | null;
}

/** Finds setpriv and prlimit (util-linux). Elsewhere than on Linux there are none. */
export function findSandboxTools(): SandboxTools {
  const find = (name: string) =>
    ['/usr/bin', '/bin'].map((dir) => `${dir}/${name}`).find((path) => existsSync(path)) ?? null;
  return process.platform === 'linux'
    ? { setpriv: find('setpriv'), prlimit: find('prlimit') }
    : { setpriv: null, prlimit: null };
}

/** The command line of a plugin's process: its limits, and Node's permission model with exactly its grants. */
export function sandboxCommand(tools: SandboxTools, grants: Grants): Command {
  return wrap(tools, [process.execPath, ...nodeFlags(grants), childProgram]);
}

/** `argv` under the process limits: it dies with the service, and its descriptors and memory are bounded. */
export function wrap(tools: SandboxTools, argv: readonly string[]): Command {
  const limits = tools.prlimit
    ? [tools.prlimit, '--nofile=256', '--core=0', `--data=${maxMemoryBytes}`, '--']
    : [];
  const death = tools.setpriv ? [tools.setpriv, '--pdeathsig', 'KILL', '--'] : [];
  const [file = process.execPath, ...args] = [...death, ...limits, ...argv];
  return { file, args };
}

/** Node's flags for exactly these grants; without the extra ones node:sqlite and V8 flags write any file. */
export function nodeFlags(grants: Grants): string[] {
  return [
    '--permission',
    `--allow-fs-read=${childDir}`,
    ...[grants.pluginDir, ...grants.readPaths, ...grants.writePaths].map((path) => `--allow-fs-read=${path}`),
    ...grants.writePaths.map((path) => `--allow-fs-write=${path}`),
    '--no-experimental-sqlite',
    '--no-experimental-ffi',
    '--no-addons',
    '--freeze-flags-after-init',
    '--disable-sigusr1',
    `--max-old-space-size=${heapMegabytes}`,
    '--v8-pool-size=0',
    '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON',
  ];
}
