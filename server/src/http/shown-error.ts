import type { ErrorCode } from '@omniroute/shared/error-code';
import { TRPCError } from '@trpc/server';
import { z } from 'zod';
import { errorCode, PluginError } from '../errors.ts';

/** What tRPC and Fastify refuse by themselves: their own words may echo the request, ours do not. */
const refusals: Record<string, readonly [ErrorCode, string]> = {
  BAD_REQUEST: ['INVALID_REQUEST', 'The request is not valid. Check its path and the JSON of its input.'],
  PARSE_ERROR: ['INVALID_REQUEST', 'The request is not valid. Check the JSON of its query.'],
  NOT_FOUND: ['NOT_FOUND', 'There is no such procedure.'],
  METHOD_NOT_SUPPORTED: ['METHOD_NOT_ALLOWED', 'Queries are read with GET, mutations are called with POST.'],
  PAYLOAD_TOO_LARGE: ['BODY_TOO_LARGE', 'The body is too large.'],
  UNSUPPORTED_MEDIA_TYPE: ['UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['BODY_TOO_LARGE', 'The body is too large.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['INVALID_REQUEST', 'The body is not as long as its Content-Length.'],
  FST_ERR_BAD_URL: ['INVALID_REQUEST', 'The path is not valid.'],
};

const retryDetailsSchema = z.object({ retryAfterSeconds: z.number() });

/** The error to show for whatever was thrown while a request was served; null if it has to stay inside. */
export function shownError(error: unknown): PluginError | null {
  if (error instanceof PluginError) return error;
  if (error instanceof TRPCError) {
    if (error.cause instanceof PluginError) return error.cause;
    if (error.code === 'BAD_REQUEST' && error.cause instanceof z.core.$ZodError)
      return invalidInput(error.cause);
  }
  const code = errorCode(error);
  const refusal = Object.hasOwn(refusals, code) ? refusals[code] : undefined;
  return refusal ? new PluginError(...refusal, { cause: error }) : null;
}

/** What the headers say of errors: when to try again, and that nothing follows a request that never came to its end. */
export function errorHeaders(errors: readonly unknown[]): Record<string, string> {
  const shown = errors.map(shownError);
  const waits = shown.flatMap((error) => {
    const { data } = retryDetailsSchema.safeParse(error?.details);
    return data ? [data.retryAfterSeconds] : [];
  });
  return {
    ...(waits.length === 0 ? {} : { 'retry-after': String(Math.max(...waits)) }),
    ...(shown.some((error) => error?.code === 'REQUEST_TIMEOUT') ? { connection: 'close' } : {}),
  };
}

function invalidInput(error: z.core.$ZodError): PluginError {
  const details = error.issues.map((issue) => ({ path: issue.path.join('.'), message: describe(issue) }));
  const [first] = details;
  return new PluginError('INVALID_REQUEST', first ? sentence(first) : 'The input is not valid.', { details });
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_union' && issue.message === 'Invalid input') {
    const firstChoice = issue.errors[0]?.[0];
    if (firstChoice) return describe(firstChoice);
  }
  return issue.message.endsWith('received undefined') ? 'is required' : issue.message;
}

function sentence({ path, message }: { path: string; message: string }): string {
  const subject = path === '' ? 'The input' : `"${path}"`;
  const reads = /^[a-z]/.test(message) ? `${subject} ${message}` : `${subject}: ${message}`;
  return reads.endsWith('.') ? reads : `${reads}.`;
}
