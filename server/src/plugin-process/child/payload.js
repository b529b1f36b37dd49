import { invalidReturn } from './invalid-return.js';
import { maxPartBytes } from './protocol.js';

/** @typedef {{ kind: 'json' | 'text' | 'bytes', bytes: Uint8Array }} Payload */

/**
 * A string is text, bytes are bytes, the rest is JSON.
 *
 * @param {unknown} value
 * @param {string} what
 * @returns {Payload}
 */
export function toPayload(value, what) {
  const payload = encode(value, what);
  if (payload.bytes.length > maxPartBytes)
    throw invalidReturn(`${what} is larger than ${maxPartBytes} bytes`);
  return payload;
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {Payload}
 */
function encode(value, what) {
  if (typeof value === 'string') return { kind: 'text', bytes: Buffer.from(value, 'utf8') };
  if (value instanceof Uint8Array) return { kind: 'bytes', bytes: value };
  return { kind: 'json', bytes: Buffer.from(toJson(value, what), 'utf8') };
}

/**
 * @param {unknown} value
 * @param {string} what
 */
export function toJson(value, what) {
  let text;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw invalidReturn(
      `${what} cannot be written as JSON: ${error instanceof Error ? error.message : 'it throws'}`,
    );
  }
  if (text === undefined) throw invalidReturn(`${what} cannot be written as JSON: it is ${typeof value}`);
  return text;
}

/**
 * An own `body` wins over `data`: theme plugins return `{ ...response, body }`.
 *
 * @param {Record<string, any>} fields
 */
export function ownBody(fields) {
  if (hasValue(fields, 'body')) return toPayload(fields.body, '"body"');
  return hasValue(fields, 'data') ? toPayload(fields.data, '"data"') : null;
}

/**
 * @param {Record<string, any>} fields
 * @param {string} key
 */
export function hasValue(fields, key) {
  return Object.prototype.propertyIsEnumerable.call(fields, key) && fields[key] !== undefined;
}
