import { z } from 'zod';

export const loginInputSchema = z.union(
  [
    z.strictObject({ code: z.string().min(1).max(200) }),
    z.strictObject({ token: z.string().min(1).max(500) }),
  ],
  { error: 'must be { "code": "…" } or { "token": "…" }' },
);
export type LoginInput = z.infer<typeof loginInputSchema>;

export const sessionOutputSchema = z.object({ authenticated: z.boolean() });
export const loginOutputSchema = z.object({ success: z.literal(true) });
/** A fresh one-time login link; the code is in the URL's fragment. */
export const loginCodeOutputSchema = z.object({ url: z.string(), expiresAt: z.iso.datetime() });
