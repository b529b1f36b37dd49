import { z } from 'zod';

export const errorTypes = ['invalid_request', 'auth', 'conflict', 'plugin', 'upstream', 'internal'] as const;
export type ErrorType = (typeof errorTypes)[number];

interface ErrorKind {
  status: number;
  trpc: string;
  type: ErrorType;
}

/** The one table from an error code to its HTTP status, its tRPC code and its `type`. */
export const errorKinds = {
  INVALID_REQUEST: { status: 400, trpc: 'BAD_REQUEST', type: 'invalid_request' },
  INVALID_MANIFEST: { status: 400, trpc: 'BAD_REQUEST', type: 'invalid_request' },
  INVALID_CONFIG: { status: 400, trpc: 'BAD_REQUEST', type: 'invalid_request' },
  AUTH_REQUIRED: { status: 401, trpc: 'UNAUTHORIZED', type: 'auth' },
  LOCAL_ONLY: { status: 403, trpc: 'FORBIDDEN', type: 'auth' },
  FORBIDDEN: { status: 403, trpc: 'FORBIDDEN', type: 'auth' },
  NOT_FOUND: { status: 404, trpc: 'NOT_FOUND', type: 'invalid_request' },
  PLUGIN_NOT_FOUND: { status: 404, trpc: 'NOT_FOUND', type: 'invalid_request' },
  METHOD_NOT_ALLOWED: { status: 405, trpc: 'METHOD_NOT_SUPPORTED', type: 'invalid_request' },
  REQUEST_TIMEOUT: { status: 408, trpc: 'TIMEOUT', type: 'invalid_request' },
  VERSION_NOT_NEWER: { status: 409, trpc: 'CONFLICT', type: 'conflict' },
  PLUGIN_BUSY: { status: 409, trpc: 'CONFLICT', type: 'conflict' },
  NO_PREVIOUS_VERSION: { status: 409, trpc: 'CONFLICT', type: 'conflict' },
  CONSENT_REQUIRED: { status: 412, trpc: 'PRECONDITION_FAILED', type: 'plugin' },
  BODY_TOO_LARGE: { status: 413, trpc: 'PAYLOAD_TOO_LARGE', type: 'invalid_request' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, trpc: 'UNSUPPORTED_MEDIA_TYPE', type: 'invalid_request' },
  ACTIVATION_FAILED: { status: 422, trpc: 'UNPROCESSABLE_CONTENT', type: 'plugin' },
  INSTALL_FAILED: { status: 422, trpc: 'UNPROCESSABLE_CONTENT', type: 'plugin' },
  UPGRADE_FAILED: { status: 422, trpc: 'UNPROCESSABLE_CONTENT', type: 'plugin' },
  PACKAGE_REJECTED: { status: 422, trpc: 'UNPROCESSABLE_CONTENT', type: 'plugin' },
  ISOLATION_UNAVAILABLE: { status: 422, trpc: 'UNPROCESSABLE_CONTENT', type: 'plugin' },
  RATE_LIMITED: { status: 429, trpc: 'TOO_MANY_REQUESTS', type: 'auth' },
  INTERNAL: { status: 500, trpc: 'INTERNAL_SERVER_ERROR', type: 'internal' },
  REGISTRY_UNAVAILABLE: { status: 502, trpc: 'BAD_GATEWAY', type: 'upstream' },
  UPSTREAM_UNAVAILABLE: { status: 502, trpc: 'BAD_GATEWAY', type: 'upstream' },
  PLUGIN_UNAVAILABLE: { status: 503, trpc: 'SERVICE_UNAVAILABLE', type: 'plugin' },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

/** The body of every error answer, REST and gateway; tRPC carries `error` in `data.app`. */
export const errorBodySchema = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    code: z.string(),
    details: z.unknown().optional(),
  }),
});
export type ErrorBody = z.infer<typeof errorBodySchema>;
