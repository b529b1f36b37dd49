import { readFileSync } from 'node:fs';
import { z } from 'zod';

const expected = z.enum(['allow', 'block', 'error']);
const lookup = z.union([
  z.array(z.object({ address: z.string(), family: z.number() })),
  z.object({ error: z.string() }),
  z.object({ hangMs: z.number() }),
]);

const casesSchema = z.object({
  url: z.array(z.object({ id: z.string(), url: z.string(), expected, ambiguous: z.boolean().optional() })),
  dns: z.array(
    z.object({
      id: z.string(),
      url: z.string(),
      lookups: z.array(lookup),
      expected,
      mustConnectTo: z.string().optional(),
      redirect: z.string().optional(),
    }),
  ),
  redirects: z.array(
    z.object({
      id: z.string(),
      chain: z.array(z.tuple([z.string(), z.number(), z.string().nullable()])),
      dns: z.record(z.string(), z.array(z.string())).optional(),
      expected,
    }),
  ),
});

export type Lookup = z.infer<typeof lookup>;

export const ssrfCases = casesSchema.parse(
  JSON.parse(readFileSync(new URL('../../fixtures/ssrf.json', import.meta.url), 'utf8')),
);
