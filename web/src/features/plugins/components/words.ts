import type { Permission } from '@omniroute/shared/permission';
import type { Isolation } from '@omniroute/shared/isolation';
import type { ProcessFault } from '@omniroute/shared/process-fault';

/** The effective isolation in words: a short name, what it means, and what remains possible all the same. */
export const isolationWords: Record<Isolation['level'], { name: string; meaning: string; remains: string }> =
  {
    3: {
      name: 'Confined by the kernel',
      meaning:
        'The operating system shows it its own files and processes, and no network: hostile code is held, too.',
      remains: 'A fault in the kernel itself could let it out.',
    },
    2: {
      name: 'Node permissions only',
      meaning: 'Node’s permission model stops mistakes, not hostile code.',
      remains:
        'Code that means harm can end other processes of the service’s user, and finds its way around faults in Node. On Linux, bubblewrap makes it level 3.',
    },
    1: {
      name: 'Separate process only',
      meaning: 'Nothing is sure to hold it to its permissions.',
      remains: 'It can do whatever the service’s user can do. Run only code that you trust.',
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

export const faultWords: Record<ProcessFault, string> = {
  MEMORY_LIMIT: 'Too much memory',
  LOG_RATE: 'Too much output',
  CALLS_IN_FLIGHT: 'Too many calls at once',
  BYTES_IN_FLIGHT: 'Too many bytes at once',
  FRAME_SIZE: 'An answer over the size limit',
  FRAME_MALFORMED: 'An answer that cannot be read',
  FRAME_UNEXPECTED: 'An answer that nobody asked for',
  FRAME_RATE: 'Too many requests in a second',
  UNRESPONSIVE: 'It stopped answering',
  CHANNEL_CLOSED: 'It closed its channel to the service',
  DATA_QUOTA: 'Too much in its data folder',
};
