/** Deeper JSON from a plugin is refused: writing it again would overflow the stack of the service. */
const maxDepth = 64;

/**
 * Whether a JSON value nests deeper than the service takes it.
 *
 * @param {unknown} value
 * @param {number} [depth]
 * @returns {boolean}
 */
export function isTooDeep(value, depth = 0) {
  if (typeof value !== 'object' || value === null) return false;
  return depth >= maxDepth || Object.values(value).some((child) => isTooDeep(child, depth + 1));
}
