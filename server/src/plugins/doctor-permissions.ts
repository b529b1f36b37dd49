import type { Isolation } from '@omniroute/shared/isolation';
import { askedPermissions, type Manifest } from '@omniroute/shared/manifest';
import type { Permission } from '@omniroute/shared/permission';
import type { Sandbox } from '../plugin-process/sandbox.ts';
import { fail, type Finding, pass, refusal, warn } from './doctor-finding.ts';
import { beyondConsent, grantOf, refuseExec } from './plugin-grants.ts';
import type { PluginGrant, PluginRecord } from './plugin-record.ts';

interface Given {
  record: PluginRecord;
  /** Null where nobody has agreed to anything yet: the first activation of a scanned plugin will. */
  grant: PluginGrant | null;
  isolationOf: (permissions: readonly Permission[]) => Isolation;
  sandbox: Pick<Sandbox, 'execRefusal'>;
}

/** Holds what `plugin.json` asks for against what was agreed to, and against what this machine does about it. */
export function checkPermissions(
  manifest: Manifest,
  { record, grant, isolationOf, sandbox }: Given,
): Finding {
  const beyond = beyondConsent(manifest, grant ?? grantOf(record.manifest));
  if (beyond !== null) {
    return fail(
      `plugin.json asks for more than was agreed to: ${Object.values(beyond).flat().join(', ')}.`,
      'Take that out of plugin.json, or agree to it: install the plugin again from a folder of yours with ' +
        `"replace": true and "permissions": ${JSON.stringify(beyond.permissions)}.`,
    );
  }
  try {
    refuseExec(manifest, sandbox);
  } catch (error) {
    return fail(refusal(error), 'Install a version of the plugin that does without "exec", or uninstall it.');
  }
  const asked = askedPermissions(manifest);
  const what = asked.length === 0 ? 'no permission' : asked.join(', ');
  const gaps = permissionGaps(asked, isolationOf);
  if (grant === null && asked.length > 0) {
    return warn(
      [`It asks for ${what}, and nobody has agreed to that yet.`, ...gaps].join(' '),
      'Activate the plugin if you agree to it; uninstall it if not.',
    );
  }
  if (gaps.length > 0) {
    return warn(
      [`It asks for ${what}, no more than was agreed to.`, ...gaps].join(' '),
      'Keep the plugin if it is of use, and to be trusted, like this; otherwise deactivate it.',
    );
  }
  return pass(
    `It asks for ${what}${asked.length === 0 ? '' : ', as was agreed to'}; this machine was seen to refuse it the rest.`,
  );
}

/**
 * What is not enforced, or not given, of these permissions. What holds for every plugin is shown as its isolation, and
 * counts here only where nothing holds a plugin to its permissions at all.
 */
function permissionGaps(asked: readonly Permission[], isolationOf: Given['isolationOf']): string[] {
  const { level, gaps } = isolationOf(asked);
  if (level === 1) return gaps;
  const ofEveryPlugin = isolationOf([]).gaps;
  return gaps.filter((gap) => !ofEveryPlugin.includes(gap));
}
