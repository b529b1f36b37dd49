import { type Permission, permissionSchema } from '@omniroute/shared/permission';

/** The permission that stands for each list in the details of a CONSENT_REQUIRED. */
const permissionOf: Record<string, Permission> = {
  readPaths: 'file-read',
  writePaths: 'file-write',
  hosts: 'network',
  env: 'env',
};

/** The permissions to send along when the operator agrees to what a CONSENT_REQUIRED asks for. */
export function consentAsked(details: unknown): Permission[] {
  if (!(details instanceof Object)) return [];
  const named = permissionSchema.array().safeParse(Reflect.get(details, 'permissions')).data ?? [];
  const implied = Object.entries(permissionOf).flatMap(([list, permission]) => {
    const items: unknown = Reflect.get(details, list);
    return Array.isArray(items) && items.length > 0 ? [permission] : [];
  });
  return [...new Set([...named, ...implied])];
}
