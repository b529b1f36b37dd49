import { z } from 'zod';

const permissions = ['network', 'file-read', 'file-write', 'env', 'exec'] as const;
export const permissionSchema = z.enum(permissions);
export type Permission = z.infer<typeof permissionSchema>;

/** The permissions of `asked` that `granted` does not hold, in `asked`'s order. `file-write` implies `file-read`. */
export function missingPermissions(
  asked: readonly Permission[],
  granted: readonly Permission[],
): Permission[] {
  const held = new Set(granted);
  if (held.has('file-write')) held.add('file-read');
  return asked.filter((permission) => !held.has(permission));
}

/** Whether an environment variable is never passed to a plugin, whatever it asks for. */
export function isReservedEnvName(name: string): boolean {
  return /^(OMNIROUTE_|NODE_|LD_|DYLD_)/i.test(name);
}
