import type { ErrorBody, ErrorCode } from '@omniroute/shared/error-code';
import { errorKinds } from '@omniroute/shared/error-code';

/**
 * An error that may be shown: `message` says what to do next and holds no host path but the plugin's own.
 * Everything else that is thrown is INTERNAL: logged whole, answered generically.
 */
export class PluginError extends Error {
  readonly code: ErrorCode;
  readonly details: unknown;

  constructor(code: ErrorCode, message: string, options: { details?: unknown; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'PluginError';
    this.code = code;
    this.details = options.details;
  }
}

/** The answer that clients get for `error`, whatever was thrown. */
export function errorBody(error: unknown): { status: number; body: ErrorBody } {
  const shown =
    error instanceof PluginError
      ? error
      : new PluginError('INTERNAL', 'Something failed inside the service. Its log has the details.');
  const { status, type } = errorKinds[shown.code];
  const details = shown.details === undefined ? {} : { details: shown.details };
  return { status, body: { error: { message: shown.message, type, code: shown.code, ...details } } };
}

/** The `code` of an error of Node's, such as ENOENT; empty for everything else. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
