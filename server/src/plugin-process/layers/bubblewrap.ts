import { lstatSync, readlinkSync } from 'node:fs';
import { childDir } from '../child-program.ts';
import type { Detected, Grants, SandboxTools } from './layer.ts';

const libraryDirs = ['/usr/lib', '/usr/lib32', '/usr/lib64', '/lib', '/lib32', '/lib64'];
const programDirs = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/etc/alternatives'];
const privateTmpBytes = 64 * 1024 * 1024;
/** Threads count: a Node process has about ten. */
const maxProcesses = 128;

const isolate = [
  '--unshare-user',
  '--unshare-all',
  // Root keeps its capabilities in the new namespaces otherwise.
  '--cap-drop',
  'ALL',
  '--die-with-parent',
  '--new-session',
  '--json-status-fd',
  '4',
];

/**
 * Bubblewrap: a view of files, processes, network, IPC and users of its own. There is no loopback, no other process,
 * and no file but the system's libraries, Node, the program inside, the plugin's folder and what it was granted.
 */
export function detectBubblewrap({ bwrap, prlimit }: SandboxTools): Detected {
  if (bwrap === null) {
    const why =
      process.platform === 'linux' ? 'bubblewrap is not installed' : 'there is one for Linux only, so far';
    return { layer: null, gaps: [`No layer of the operating system confines it: ${why}.`] };
  }
  const libraries = libraryDirs.flatMap(show);
  const programs = [
    ...programDirs.flatMap(show),
    '--dev',
    '/dev',
    // A disk in memory, too, and for everyone to write to in its shm.
    '--remount-ro',
    '/dev',
    '--size',
    `${privateTmpBytes}`,
    '--tmpfs',
    '/tmp',
  ];
  const zone = link('/etc/localtime');
  const time = zone === null ? [] : ['--symlink', zone, '/etc/localtime'];
  const fewProcesses = prlimit === null ? [] : [prlimit, `--nproc=${maxProcesses}`, '--'];
  return {
    layer: {
      name: 'bubblewrap',
      kind: 'os',
      stops: [
        'readFile',
        'writeFile',
        'listParent',
        'connectTcp',
        'connectUnix',
        'openSqlite',
        'readProcess',
        'signal',
      ],
      holdsChildren: true,
      forks: true,
      wrap: (argv, grants) => [
        bwrap,
        ...isolate,
        ...(grants.exec ? programs : [...libraries, '--dev-bind', '/dev/null', '/dev/null']),
        ...time,
        ...shownPaths(grants),
        ...readOnly(argv[0] ?? process.execPath),
        ...readOnly(childDir),
        ...readOnly(grants.pluginDir),
        '--proc',
        '/proc',
        // The root is a disk in memory, which nothing else would bound.
        '--remount-ro',
        '/',
        '--',
        ...(grants.exec ? fewProcesses : []),
        ...argv,
      ],
    },
    gaps: [],
  };
}

/** A path inside another one is mounted after it: it would be hidden otherwise. */
function shownPaths({ readPaths, writePaths }: Grants): string[] {
  const binds = [
    ...readPaths.map((path) => ({ bind: '--ro-bind', path })),
    ...writePaths.map((path) => ({ bind: '--bind', path })),
  ];
  return binds
    .toSorted((a, b) => a.path.length - b.path.length)
    .flatMap(({ bind, path }) => [bind, path, path]);
}

/** A folder of the system's, or the link that it is on systems that have merged it into /usr. */
function show(path: string): string[] {
  const target = link(path);
  if (target !== null) return ['--symlink', target, path];
  return lstatSync(path, { throwIfNoEntry: false }) === undefined ? [] : readOnly(path);
}

function readOnly(path: string): string[] {
  return ['--ro-bind', path, path];
}

function link(path: string): string | null {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : null;
}
