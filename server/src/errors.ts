import type { ErrorBody, ErrorCode } from '@omniroute/shared/error-code';
import { errorKinds } from '@omniroute/shared/error-code';
import { storageProblems } from './storage-problems.ts';

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
  const shown = error instanceof PluginError ? error : internalError(error);
  const { status, type } = errorKinds[shown.code];
  const details = shown.details === undefined ? {} : { details: shown.details };
  return { status, body: { error: { message: shown.message, type, code: shown.code, ...details } } };
}

/** What is shown instead of an error that has to stay inside. A disk or a database that fails is the operator's to mend. */
export function internalError(error: unknown): PluginError {
  const problem = storageProblem(error);
  const message =
    problem === null
      ? 'Something failed inside the service. Its log has the details.'
      : `This could not be done: ${problem}`;
  return new PluginError('INTERNAL', message, { cause: error });
}

/** The `code` of an error of Node's or of SQLite's, such as ENOENT; empty for everything else. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/**
 * What an operator has to know of a failure of the disk or of the database, as the end of a sentence that says what could
 * not be done; null for every other error. Holds no path.
 */
export function storageProblem(error: unknown): string | null {
  const code = errorCode(error);
  // SQLite's extended codes say more than is needed: SQLITE_IOERR_WRITE.
  const key = code.startsWith('SQLITE_') ? code.split('_', 2).join('_') : code;
  return storageProblems.get(key) ?? null;
}

/** Why something failed, for an operator to read: without the paths that the system's own messages hold. */
export function reasonOf(error: unknown): string {
  const problem = storageProblem(error);
  if (problem !== null) return problem;
  const isSystemError = error instanceof Error && 'syscall' in error;
  return isSystemError ? `a file could not be moved or read (${errorCode(error)})` : messageOf(error);
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
