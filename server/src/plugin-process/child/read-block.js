import { headerText } from './header-text.js';
import { asObject } from './invalid-return.js';
import { isTooDeep } from './json-depth.js';
import { ownBody, toJson, toPayload } from './payload.js';

/** As the service's limit, so that a block is not lost for what it carries beside the answer. */
const metadataMaxBytes = 64 * 1024;
const headersMaxLength = 64 * 1024;

/**
 * What `onRequest` returned with `blocked`: a guard that says so blocks, whatever else is wrong with its return. What
 * cannot be used is left out, with a note.
 *
 * @param {Record<string, any>} returned
 * @param {() => Record<string, unknown>} readMetadata
 * @returns {import('./read-return.js').Reply}
 */
export function readBlock(returned, readMetadata) {
  /** @type {string[]} */
  const notes = [];
  /**
   * @template T
   * @param {T} fallback
   * @param {() => T} read
   * @returns {T}
   */
  const orElse = (fallback, read) => {
    try {
      return read();
    } catch (error) {
      const why = error instanceof Error ? error.message : 'it throws';
      notes.push(`the request is blocked, but not all of the return is used: ${why}`.slice(0, 500));
      return fallback;
    }
  };
  const metadata = orElse({}, () => boundedMetadata(readMetadata()));
  const fields = orElse({}, () => responseOf(returned.response));
  const payload = orElse(null, () => ownBody(fields) ?? restAsBody(fields));
  const status = orElse({}, () => statusOf(fields.status));
  const given = orElse([], () => Object.entries(asObject(fields.headers, '"headers"')));
  let room = headersMaxLength;
  const headers = given.flatMap(([name, content]) => {
    const text = orElse(null, () => boundedHeader(name, content, room));
    if (text === null) return [];
    room -= name.length + text.length;
    return [[name.toLowerCase(), text]];
  });
  const response = { ...status, headers: Object.fromEntries(headers), body: payload?.kind ?? 'none' };
  return {
    head: { metadata, blocked: true, response, notes: notes.slice(0, 10) },
    parts: [null, payload?.bytes ?? null],
  };
}

/** @param {Record<string, unknown>} metadata */
function boundedMetadata(metadata) {
  if (isTooDeep(metadata, 1)) throw new RangeError('its metadata nests too deep');
  if (Buffer.byteLength(toJson(metadata, '"metadata"')) <= metadataMaxBytes) return metadata;
  throw new RangeError(`its metadata is larger than ${metadataMaxBytes} bytes`);
}

/** @param {unknown} status */
function statusOf(status) {
  return typeof status === 'number' && Number.isInteger(status) && status >= 200 && status <= 599
    ? { status }
    : {};
}

/**
 * @param {string} name
 * @param {unknown} content
 * @param {number} room
 */
function boundedHeader(name, content, room) {
  const text = headerText(name, content);
  if (text === null || name.length + text.length <= room) return text;
  throw new RangeError(`its headers are larger than ${headersMaxLength} characters`);
}

/**
 * @param {unknown} response
 * @returns {Record<string, any>}
 */
function responseOf(response) {
  if (typeof response === 'string') return { body: response };
  return typeof response === 'object' && response !== null && !Array.isArray(response) ? response : {};
}

/** @param {Record<string, any>} fields */
function restAsBody({ status: _status, headers: _headers, body: _body, data: _data, ...rest }) {
  return Object.keys(rest).length === 0 ? null : toPayload(rest, '"response"');
}
