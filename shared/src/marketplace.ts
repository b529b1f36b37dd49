import { z } from 'zod';

export const catalogEntrySchema = z.object({
  name: z.string(),
  version: z.string(),
  description: z.string(),
  author: z.string(),
  license: z.string(),
  /** Empty for a bundled plugin: it is installed from its folder. */
  downloadUrl: z.string(),
  repository: z.string().optional(),
  tags: z.array(z.string()),
  downloads: z.number(),
  rating: z.number(),
  verified: z.boolean(),
  lastUpdated: z.string(),
  permissions: z.array(z.string()).optional(),
  hooks: z.array(z.string()).optional(),
});
export type CatalogEntry = z.infer<typeof catalogEntrySchema>;

const catalogSorts = ['name', 'updated', 'downloads', 'rating'] as const;
const registryWarningCodes = [
  'URL_BLOCKED',
  'DNS_FAILED',
  'FETCH_FAILED',
  'BAD_STATUS',
  'BAD_DOCUMENT',
  'STALE',
] as const;

const emptyIsAbsent = (value: unknown) => (value === '' ? undefined : value);

export const catalogListInputSchema = z
  .strictObject({
    q: z.string().max(200).optional(),
    tag: z.string().max(100).optional(),
    sort: z.preprocess(emptyIsAbsent, z.enum(catalogSorts).default('name')),
    limit: z.preprocess(emptyIsAbsent, z.coerce.number().int().min(1).max(100).default(50)),
    offset: z.preprocess(emptyIsAbsent, z.coerce.number().int().min(0).max(1_000_000).default(0)),
  })
  .prefault({});
export type CatalogListInput = z.infer<typeof catalogListInputSchema>;

export const catalogListOutputSchema = z.object({
  plugins: z.array(catalogEntrySchema),
  total: z.number(),
  source: z.enum(['seed', 'remote']),
  fetchedAt: z.iso.datetime().optional(),
  warning: z.object({ code: z.enum(registryWarningCodes), message: z.string() }).optional(),
});
export type CatalogListOutput = z.infer<typeof catalogListOutputSchema>;
