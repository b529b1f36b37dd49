import { TRPCError } from '@trpc/server';
import type { FastifyRequest } from 'fastify';
import { internalError, type PluginError } from '../errors.ts';
import { shownError } from './shown-error.ts';

/** Logs what has to be known of a failed request. Returns the error to answer with. */
export function reportError(error: unknown, { log, method, raw }: FastifyRequest): PluginError {
  const shown = shownError(error);
  // What a procedure threw was logged there, with its name.
  if (shown === null && !(error instanceof TRPCError)) log.error({ err: error }, 'request.failed');
  if (shown !== null && ['AUTH_REQUIRED', 'LOCAL_ONLY', 'FORBIDDEN', 'RATE_LIMITED'].includes(shown.code)) {
    log.warn({ method, refusal: shown.code, peer: raw.socket.remoteAddress }, 'request.refused');
  }
  return shown ?? internalError(error instanceof TRPCError ? error.cause : error);
}
