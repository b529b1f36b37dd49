import { isReservedEnvName } from '@omniroute/shared/permission';

const always = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'NODE_ENV'];
const withEnvPermission = ['PORT', 'HOSTNAME', 'TZ', 'TMPDIR'];

/**
 * The whole environment of a plugin's process.
 *
 * @param names the manifest's `requires.env`, or null without the `env` permission
 * @param dataDir the plugin's own folder, where it may use one; it reads it as `PLUGIN_DATA_DIR`
 */
export function childEnv(
  names: readonly string[] | null,
  dataDir: string | undefined,
): Record<string, string> {
  const asked =
    names === null ? [] : [...withEnvPermission, ...names.filter((name) => !isReservedEnvName(name))];
  const inherited = [...always, ...asked].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(inherited), ...(dataDir === undefined ? {} : { PLUGIN_DATA_DIR: dataDir }) };
}
