/**
 * What a `fetch` rejects with, as Node's own does: a TypeError, with the reason as its cause.
 *
 * @param {string} code
 * @param {string} message
 * @param {unknown} [cause]
 */
export function fetchFailed(code, message, cause) {
  const reason = Object.assign(new Error(message, cause === undefined ? {} : { cause }), { code });
  return new TypeError('fetch failed', { cause: reason });
}

/** The `fetch` of a plugin without the permission. */
export async function fetchDenied() {
  throw fetchFailed(
    'PERMISSION_DENIED',
    'the plugin may not make requests: list "network" in requires.permissions of plugin.json',
  );
}
