import type { Isolation, MachineIsolation } from '@omniroute/shared/isolation';
import type { Permission } from '@omniroute/shared/permission';

interface Machine {
  /** What new processes are confined by. */
  now: MachineIsolation;
  /** What the plugin's process was confined by when it was started; null where it does not run. */
  running: MachineIsolation | null;
  execRefusal: string | null;
}

/** What is enforced for a plugin with these permissions, in words: for its process that runs, else for its next. */
export function effectiveIsolation(machine: Machine, permissions: readonly Permission[]): Isolation {
  const { level, layers, gaps } = machine.running ?? machine.now;
  return {
    level,
    layers,
    gaps: [
      ...(level < machine.now.level
        ? ['It was started before this machine could do more to confine it: restart it.']
        : []),
      ...gaps,
      ...permissions.flatMap((permission) => ofPermission(permission, level, machine.execRefusal)),
      'How much of the processor it uses is not limited.',
    ],
  };
}

function ofPermission(
  permission: Permission,
  level: Isolation['level'],
  execRefusal: string | null,
): string[] {
  switch (permission) {
    case 'network':
      return [];
    case 'file-read':
      return level === 3
        ? []
        : ['A link inside a folder that it was given leads it to whatever the link points to.'];
    case 'file-write':
      return [
        'Its own folder is measured every 2 s, so that it can grow beyond its limit for so long; the paths that it lists are not measured.',
      ];
    case 'exec':
      return execRefusal === null
        ? ['It can start the programs of this machine, which see what it sees and end with it.']
        : [`"exec" is refused. ${execRefusal}`];
    case 'env':
      return [];
  }
}
