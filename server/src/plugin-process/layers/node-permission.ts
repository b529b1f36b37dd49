import { childDir } from '../child-program.ts';
import { heapMegabytes } from '../memory-limits.ts';
import type { Detected, Grants } from './layer.ts';

/** Node's permission model with exactly the grants, and the flags without which it leaks. */
export function detectNodePermission(): Detected {
  return {
    layer: {
      name: 'Node permissions',
      kind: 'node',
      stops: [
        'readFile',
        'writeFile',
        'listParent',
        'connectTcp',
        'connectUnix',
        'openSqlite',
        'readProcess',
        'spawn',
        'setFlag',
      ],
      holdsChildren: false,
      forks: false,
      wrap: ([node = process.execPath, ...rest], grants) => [node, ...flags(grants), ...rest],
    },
    gaps: [],
  };
}

/** Without the `--no` flags node:sqlite and node:ffi open any file, and without the freeze V8's flags write any. */
function flags({ pluginDir, readPaths, writePaths, exec }: Grants): string[] {
  return [
    '--permission',
    ...[childDir, pluginDir, ...readPaths, ...writePaths].map((path) => `--allow-fs-read=${path}`),
    ...writePaths.map((path) => `--allow-fs-write=${path}`),
    ...(exec ? ['--allow-child-process'] : []),
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
