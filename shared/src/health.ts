import { z } from 'zod';

export const healthSchema = z.object({
  status: z.enum(['ready', 'stopping']),
  version: z.string(),
  uptimeMs: z.number(),
  safeMode: z.boolean(),
  plugins: z.object({
    installed: z.number(),
    active: z.number(),
    /** Of the active ones, those whose process crashed and is not started again yet. */
    restarting: z.number(),
    inactive: z.number(),
    error: z.number(),
  }),
});
export type Health = z.infer<typeof healthSchema>;
