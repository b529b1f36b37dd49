import { z } from 'zod';

const httpUrlSchema = z
  .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
  .max(2_000)
  .refine((url) => !/^https?:\/\/[^/?#]*@/i.test(url), 'must not hold credentials');

/** The gateway appends paths and queries to it. */
const baseUrlSchema = httpUrlSchema.refine((url) => !/[?#]/.test(url), 'must not hold a query or a fragment');

/** The stored settings. `upstreamApiKey` reads back as the secret mask. */
export const settingsSchema = z.object({
  pluginMarketplaceUrl: httpUrlSchema.nullable(),
  registryPublicKey: z.string().max(1_000).nullable(),
  /** Includes `/v1`. The environment's `OMNIROUTE_UPSTREAM_URL` wins. */
  upstreamBaseUrl: baseUrlSchema.nullable(),
  upstreamApiKey: z
    .string()
    .max(2_000)
    .regex(/^[\x21-\x7e\u2022]+$/, 'must be printable characters without blanks')
    .nullable(),
  analyticsRetentionDays: z.int().min(1).max(3_650),
  /** Runs no plugin, as `OMNIROUTE_SAFE_MODE=1` does, until it is switched off. */
  pluginsPaused: z.boolean(),
});
export type Settings = z.infer<typeof settingsSchema>;

export const defaultSettings: Settings = {
  pluginMarketplaceUrl: null,
  registryPublicKey: null,
  upstreamBaseUrl: null,
  upstreamApiKey: null,
  analyticsRetentionDays: 30,
  pluginsPaused: false,
};

export const settingsPatchSchema = z.strictObject(settingsSchema.partial().shape);
export type SettingsPatch = z.infer<typeof settingsPatchSchema>;
