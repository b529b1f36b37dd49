import { z } from 'zod';

/** At most this many bytes of request or response body go through the hooks. */
export const bodyMaxBytes = 32 * 1024 * 1024;
export const metadataMaxBytes = 64 * 1024;

const headersSchema = z.record(z.string(), z.string());
const metadataSchema = z.record(z.string(), z.unknown());

const requestIdSchema = z.string().regex(/^[A-Za-z0-9._-]{1,128}$/, 'must be 1–128 of A-Z a-z 0-9 . _ -');

export const pipelineRequestInputSchema = z.strictObject({
  requestId: requestIdSchema.optional(),
  method: z
    .string()
    .regex(/^[A-Z]{1,20}$/, 'must be an upper-case method name')
    .default('POST'),
  path: z.string().max(8_000).startsWith('/').default('/v1/chat/completions'),
  headers: headersSchema.default({}),
  model: z.string().max(500).optional(),
  provider: z.string().max(500).optional(),
  body: z.unknown(),
  metadata: metadataSchema.default({}),
  stream: z.boolean().optional(),
});
export type PipelineRequestInput = z.infer<typeof pipelineRequestInputSchema>;

export const responseSources = ['upstream', 'plugin', 'fallback', 'host'] as const;

export const pipelineResponseSchema = z.object({
  status: z.int().min(200).max(599).default(200),
  headers: headersSchema.default({}),
  data: z.unknown().optional(),
  streamed: z.boolean().default(false),
  usage: z.record(z.string(), z.unknown()).nullable().default(null),
  durationMs: z.number().min(0).default(0),
  source: z.enum(responseSources).default('upstream'),
});
export type PipelineResponse = z.infer<typeof pipelineResponseSchema>;

export const pipelineRequestOutputSchema = z.object({
  requestId: z.string(),
  blocked: z.boolean(),
  response: pipelineResponseSchema.optional(),
  body: z.unknown(),
  metadata: metadataSchema,
  headers: headersSchema,
});
export type PipelineRequestOutput = z.infer<typeof pipelineRequestOutputSchema>;

export const pipelineResponseInputSchema = pipelineRequestInputSchema.extend({
  response: z.strictObject(pipelineResponseSchema.shape),
});
export type PipelineResponseInput = z.infer<typeof pipelineResponseInputSchema>;
export const pipelineResponseOutputSchema = z.object({
  response: pipelineResponseSchema,
  metadata: metadataSchema,
});
export type PipelineResponseOutput = z.infer<typeof pipelineResponseOutputSchema>;

export const upstreamErrorCodes = [
  'UPSTREAM_STATUS',
  'UPSTREAM_UNREACHABLE',
  'UPSTREAM_TIMEOUT',
  'STREAM_BROKEN',
] as const;
export type UpstreamErrorCode = (typeof upstreamErrorCodes)[number];

export const pipelineErrorSchema = z.strictObject({
  message: z.string().max(10_000),
  code: z.enum(upstreamErrorCodes),
  status: z.int().min(100).max(599).optional(),
  body: z.unknown().optional(),
  headers: headersSchema.optional(),
});
export type PipelineError = z.infer<typeof pipelineErrorSchema>;

export const pipelineErrorInputSchema = pipelineRequestInputSchema.extend({ error: pipelineErrorSchema });
export type PipelineErrorInput = z.infer<typeof pipelineErrorInputSchema>;
export const pipelineErrorOutputSchema = z.object({ response: pipelineResponseSchema.optional() });
export type PipelineErrorOutput = z.infer<typeof pipelineErrorOutputSchema>;
