import { invalidReturn } from './invalid-return.js';

const headerName = /^[a-z0-9!#$%&'*+.^_`|~-]{1,200}$/i;
// The control characters are what no header may carry.
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * A header that a hook returned, as the service takes it; null removes it.
 *
 * @param {string} name
 * @param {unknown} content
 * @returns {string | null}
 */
export function headerText(name, content) {
  if (!headerName.test(name)) throw invalidReturn(`"${name}" is not a header name`);
  if (content === null) return null;
  if (typeof content !== 'string' && typeof content !== 'number') {
    throw invalidReturn(`header "${name}" must be a string, a number, or null to remove it`);
  }
  if (headerValue.test(String(content))) return String(content);
  throw invalidReturn(`header "${name}" holds characters that no header may carry`);
}
