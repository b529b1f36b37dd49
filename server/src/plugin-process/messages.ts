import { z } from 'zod';
import { protocolVersion } from './child/protocol.js';

/** What a plugin's process may say. Nothing in it is trusted beyond these shapes. */

const headerNameSchema = z.string().regex(/^[a-z0-9!#$%&'*+.^_`|~-]{1,200}$/, 'is not a header name');
const headerValueSchema = z
  .string()
  .regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'holds characters that no header may carry');
const payloadKindSchema = z.enum(['json', 'text', 'bytes']);
const partsSchema = z.array(z.int().min(0).nullable()).max(2).default([]);

export const readySchema = z.object({
  protocol: z.literal(protocolVersion),
  hooks: z.array(z.string().max(100)).max(100),
  missing: z.array(z.string().max(100)).max(100),
});

export const failureSchema = z.object({
  kind: z.enum(['THROW', 'INVALID_RETURN']),
  message: z.string().max(2_000),
  stack: z.string().max(8_000),
});

const returnedResponseSchema = z.object({
  status: z.int().optional(),
  headers: z.record(headerNameSchema, headerValueSchema).optional(),
  body: z.enum([...payloadKindSchema.options, 'none']),
});

export const resultSchema = z.object({
  metadata: z.record(z.string(), z.unknown()).optional(),
  headers: z.record(headerNameSchema, headerValueSchema.nullable()).optional(),
  blocked: z.boolean().optional(),
  body: payloadKindSchema.optional(),
  response: returnedResponseSchema.optional(),
  notes: z.array(z.string().max(500)).max(10).default([]),
  parts: partsSchema,
});
export type HookResult = z.infer<typeof resultSchema>;
