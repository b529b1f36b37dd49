/**
 * Does `work` on what a hook returned: whatever goes wrong there (a getter that throws, JSON that cannot be written)
 * is an unacceptable return.
 *
 * @template T
 * @param {() => T} work
 * @returns {T}
 */
export function asInvalidReturn(work) {
  try {
    return work();
  } catch (error) {
    if (isInvalidReturn(error)) throw error;
    throw invalidReturn(
      `what it returned cannot be used: ${error instanceof Error ? error.message : 'it throws'}`,
    );
  }
}

/** @param {unknown} error */
export function isInvalidReturn(error) {
  return error instanceof Error && 'code' in error && error.code === 'INVALID_RETURN';
}

/** @param {string} message */
export function invalidReturn(message) {
  return Object.assign(new Error(message), { code: 'INVALID_RETURN' });
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {Record<string, any>}
 */
export function asObject(value, what) {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    const kind = Array.isArray(value) ? 'an array' : typeof value;
    throw invalidReturn(`${what} must return or be an object, not ${kind}`);
  }
  return value;
}
