import type { Permission } from '@omniroute/shared/permission';
import type { Isolation, PluginDetail, ProcessState } from '@omniroute/shared/plugin';

/** The effective isolation in words: a short name, and what it means. */
export const isolationWords: Record<Isolation['level'], { name: string; meaning: string }> = {
  3: {
    name: 'Confined by the kernel',
    meaning: 'The operating system keeps it to its own files and processes.',
  },
  2: {
    name: 'Node permissions only',
    meaning: 'Node’s permission model stops mistakes, not hostile code.',
  },
  1: {
    name: 'Separate process only',
    meaning: 'It can do whatever the service’s user can do. Run only code that you trust.',
  },
};

export const permissionWords: Record<Permission, { name: string; meaning: string }> = {
  network: {
    name: 'Network',
    meaning: 'fetch to public hosts, made by the service',
  },
  'file-read': {
    name: 'Read files',
    meaning: 'its data folder and the paths that it lists',
  },
  'file-write': {
    name: 'Write files',
    meaning: 'its data folder and the paths that it lists',
  },
  env: {
    name: 'Environment',
    meaning: 'the environment variables that it lists',
  },
  exec: { name: 'Run programs', meaning: 'child processes' },
};

/** What to say beside the status when the process is not where the status would have it. */
export function processNote(status: PluginDetail['status'], state: ProcessState): string | undefined {
  if (state === 'starting' || state === 'restarting') return state;
  if (status === 'active' && state !== 'running') return 'not running';
  return undefined;
}
