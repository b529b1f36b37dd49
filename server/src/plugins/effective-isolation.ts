import type { Permission } from '@omniroute/shared/permission';
import type { Isolation } from '@omniroute/shared/plugin';
import type { MachineIsolation } from '../plugin-process/isolation-probe.ts';

/** What this machine enforces for a plugin with these permissions, in words. */
export function effectiveIsolation(machine: MachineIsolation, permissions: readonly Permission[]): Isolation {
  const gaps = [...machine.gaps];
  if (permissions.includes('exec'))
    gaps.push('"exec" is refused: nothing on this machine could confine its child processes.');
  if (permissions.includes('file-write')) gaps.push('The size of its own folder is not limited.');
  return { ...machine, gaps };
}
