import { maxPartBytes } from './protocol.js';

const headerName = /^[a-z0-9!#$%&'*+.^_`|~-]{1,200}$/i;

/**
 * What a hook returned, as a frame's head and parts. The service checks all of it again: this end only
 * gives the author a message that says what is wrong.
 *
 * @typedef {ReturnType<typeof import('./lazy-json.js').lazyJson>} LazyJson
 * @typedef {{ ctx: any, body: LazyJson, headers: Record<string, string>, metadata: Map<string, string> }} Given
 * @typedef {{ head: Record<string, unknown>, parts: (Uint8Array | null)[] }} Reply
 * @typedef {{ kind: 'json' | 'text' | 'bytes', bytes: Uint8Array }} Payload
 */

/**
 * @param {unknown} value
 * @param {Given} given
 * @returns {Reply}
 */
export function readRequestReturn(value, given) {
  const returned = asObject(value, 'onRequest');
  const head = commonHead(returned, given);
  const { blocked } = returned;
  if (blocked !== undefined && typeof blocked !== 'boolean')
    throw invalid('onRequest: "blocked" must be true or false');
  const headers = changedHeaders(returned.headers, given.headers);
  if (headers) head.headers = headers;
  if (blocked === true) {
    const { response, payload } = blockResponse(returned.response);
    return { head: { ...head, blocked, response }, parts: [null, payload?.bytes ?? null] };
  }
  if (returned.response !== undefined) {
    head.notes = ['onRequest returned a response without blocked: true; it is ignored'];
  }
  const body = replacedBody(returned, given);
  if (body) head.body = body.kind;
  return { head, parts: [body?.bytes ?? null, null] };
}

/**
 * @param {unknown} value
 * @param {object} original the response that the hook was given
 * @param {LazyJson} data
 * @param {Given} given
 * @returns {Reply}
 */
export function readResponseReturn(value, original, data, given) {
  const returned = asObject(value, 'onResponse');
  const keys = Object.keys(returned);
  const isEnvelope = 'response' in returned || (keys.length > 0 && keys.every((key) => key === 'metadata'));
  const head = commonHead(isEnvelope ? returned : {}, given);
  const response = isEnvelope ? returned.response : value;
  if (response === undefined || response === null) return { head, parts: [null, null] };
  const fields = asObject(response, 'onResponse: "response"');
  const payload = responsePayload(fields, original, data);
  head.response = { ...responseFields(fields, 'onResponse'), body: payload?.kind ?? 'none' };
  return { head, parts: [null, payload?.bytes ?? null] };
}

/**
 * @param {unknown} value
 * @param {Given} given
 * @returns {Reply}
 */
export function readErrorReturn(value, given) {
  const returned = asObject(value, 'onError');
  const head = commonHead(returned, given);
  if (returned.response === undefined || returned.response === null) return { head, parts: [null, null] };
  const fields = asObject(returned.response, 'onError: "response"');
  const payload = ownBody(fields);
  head.response = { ...responseFields(fields, 'onError'), body: payload?.kind ?? 'none' };
  return { head, parts: [null, payload?.bytes ?? null] };
}

/**
 * @param {Record<string, any>} returned
 * @param {Given} given
 * @returns {Record<string, unknown>}
 */
function commonHead(returned, given) {
  const metadata = { ...metadataSetInPlace(given), ...asObject(returned.metadata, '"metadata"') };
  return Object.keys(metadata).length === 0 ? {} : { metadata };
}

/** @param {Given} given */
function metadataSetInPlace({ ctx, metadata }) {
  const now = asObject(ctx.metadata, 'ctx.metadata');
  const changed = Object.entries(now).filter(
    ([key, value]) => value !== undefined && toJson(value, `ctx.metadata.${key}`) !== metadata.get(key),
  );
  return Object.fromEntries(changed);
}

/**
 * Only what differs from the headers that the hook was given: a plugin that spreads `ctx.headers` sets nothing.
 *
 * @param {unknown} value
 * @param {Record<string, string>} before
 */
function changedHeaders(value, before) {
  if (value === undefined || value === null) return null;
  const headers = asObject(value, '"headers"');
  const changed = Object.entries(headers).flatMap(([name, content]) => {
    const text = headerText(name, content);
    return text === before[name.toLowerCase()] ? [] : [[name.toLowerCase(), text]];
  });
  return changed.length === 0 ? null : Object.fromEntries(changed);
}

/**
 * @param {string} name
 * @param {unknown} content
 */
function headerText(name, content) {
  if (!headerName.test(name)) throw invalid(`"${name}" is not a header name`);
  if (content === null || typeof content === 'string') return content;
  if (typeof content === 'number') return String(content);
  throw invalid(`header "${name}" must be a string, a number, or null to remove it`);
}

/**
 * @param {Record<string, any>} returned
 * @param {Given} given
 */
function replacedBody(returned, { ctx, body }) {
  if (returned === ctx && body.isUntouched(ctx, 'body')) return null;
  const next = returned.body;
  if (next === undefined) return null;
  const payload = toPayload(next, 'onRequest: "body"');
  return payload.kind === 'json' && body.isUnchanged(next, Buffer.from(payload.bytes).toString('utf8'))
    ? null
    : payload;
}

/** @param {unknown} value */
function blockResponse(value) {
  if (typeof value === 'string')
    return { response: { body: 'text' }, payload: toPayload(value, '"response"') };
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { response: { body: 'none' }, payload: null };
  const fields = /** @type {Record<string, any>} */ (value);
  const payload = ownBody(fields) ?? restAsBody(fields);
  const status = Number.isInteger(fields.status) ? { status: fields.status } : {};
  return { response: { ...status, ...responseHeaders(fields), body: payload?.kind ?? 'none' }, payload };
}

/** @param {Record<string, any>} fields */
function restAsBody({ status: _status, headers: _headers, body: _body, data: _data, ...rest }) {
  return Object.keys(rest).length === 0 ? null : toPayload(rest, '"response"');
}

/**
 * An own `body` wins over `data`: theme plugins return `{ ...response, body }`.
 *
 * @param {Record<string, any>} fields
 */
function ownBody(fields) {
  if (hasValue(fields, 'body')) return toPayload(fields.body, '"body"');
  return hasValue(fields, 'data') ? toPayload(fields.data, '"data"') : null;
}

/**
 * @param {Record<string, any>} fields
 * @param {string} key
 */
function hasValue(fields, key) {
  return Object.prototype.propertyIsEnumerable.call(fields, key) && fields[key] !== undefined;
}

/**
 * @param {Record<string, any>} fields
 * @param {object} original
 * @param {LazyJson} data
 */
function responsePayload(fields, original, data) {
  const isUntouched = data.isUntouched(fields, 'data') && data.isUntouched(fields, 'body');
  if (fields === original && isUntouched) return null;
  const payload = ownBody(fields);
  if (payload === null || payload.kind !== 'json') return payload;
  const source = hasValue(fields, 'body') ? fields.body : fields.data;
  return data.isUnchanged(source, Buffer.from(payload.bytes).toString('utf8')) ? null : payload;
}

/**
 * @param {Record<string, any>} fields
 * @param {string} hook
 */
function responseFields(fields, hook) {
  const { status } = fields;
  if (status !== undefined && (!Number.isInteger(status) || status < 200 || status > 599)) {
    throw invalid(`${hook}: "status" must be a whole number from 200 to 599`);
  }
  return { ...(status === undefined ? {} : { status }), ...responseHeaders(fields) };
}

/** @param {Record<string, any>} fields */
function responseHeaders(fields) {
  if (fields.headers === undefined || fields.headers === null) return {};
  const headers = Object.entries(asObject(fields.headers, '"headers"')).flatMap(([name, content]) => {
    const text = headerText(name, content);
    return text === null ? [] : [[name.toLowerCase(), text]];
  });
  return { headers: Object.fromEntries(headers) };
}

/**
 * A string is text, bytes are bytes, the rest is JSON.
 *
 * @param {unknown} value
 * @param {string} what
 * @returns {Payload}
 */
function toPayload(value, what) {
  const payload = encode(value, what);
  if (payload.bytes.length > maxPartBytes) throw invalid(`${what} is larger than ${maxPartBytes} bytes`);
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
function toJson(value, what) {
  let text;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw invalid(
      `${what} cannot be written as JSON: ${error instanceof Error ? error.message : 'it throws'}`,
    );
  }
  if (text === undefined) throw invalid(`${what} cannot be written as JSON: it is ${typeof value}`);
  return text;
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {Record<string, any>}
 */
function asObject(value, what) {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw invalid(
      `${what} must return or be an object, not ${Array.isArray(value) ? 'an array' : typeof value}`,
    );
  }
  return value;
}

/**
 * Does `work` on what a hook returned: whatever goes wrong there (a getter that throws, JSON that cannot be written)
 * is an unacceptable return.
 *
 * @template T
 * @param {() => T} work
 * @returns {T}
 */
export function onReturn(work) {
  try {
    return work();
  } catch (error) {
    if (isInvalid(error)) throw error;
    throw invalid(`what it returned cannot be used: ${error instanceof Error ? error.message : 'it throws'}`);
  }
}

/** @param {any} error */
function isInvalid(error) {
  return error instanceof Error && 'code' in error && error.code === 'INVALID_RETURN';
}

/** @param {string} message */
function invalid(message) {
  return Object.assign(new Error(message), { code: 'INVALID_RETURN' });
}
