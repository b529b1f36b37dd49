import type { PluginConfig } from '@omniroute/shared/plugin-config';
import type { PluginGrant } from './plugin-record.ts';

/** What `reason` says where a newer version replaced this one; otherwise it says why this one was left. */
export const upgradeReason = 'upgrade';

/** A version that a plugin had before, with the config and the grant that it had. */
export interface PluginVersion {
  version: string;
  config: PluginConfig;
  grant: PluginGrant;
  reason: string;
  /** When it was replaced or left; ISO 8601. */
  createdAt: string;
}
