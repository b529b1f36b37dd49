import { headerText } from './header-text.js';
import { asObject, invalidReturn } from './invalid-return.js';
import { hasValue, ownBody, toJson, toPayload } from './payload.js';
import { readBlock } from './read-block.js';

/**
 * What a hook returned, as a frame's head and parts. The service checks all of it again: this end only
 * gives the author a message that says what is wrong.
 *
 * @typedef {ReturnType<typeof import('./lazy-json.js').lazyJson>} LazyJson
 * @typedef {{ ctx: any, body: LazyJson, headers: Record<string, string>, metadata: Map<string, string> }} Given
 * @typedef {{ head: Record<string, unknown>, parts: (Uint8Array | null)[] }} Reply
 */

/**
 * @param {unknown} value
 * @param {Given} given
 * @returns {Reply}
 */
export function readRequestReturn(value, given) {
  const returned = asObject(value, 'onRequest');
  if (returned.blocked) return readBlock(returned, () => metadataOf(returned, given));
  const head = commonHead(returned, given);
  const headers = changedHeaders(returned.headers, given.headers);
  if (headers) head.headers = headers;
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
  const metadata = metadataOf(returned, given);
  return Object.keys(metadata).length === 0 ? {} : { metadata };
}

/**
 * @param {Record<string, any>} returned
 * @param {Given} given
 */
function metadataOf(returned, given) {
  return { ...metadataSetInPlace(given), ...asObject(returned.metadata, '"metadata"') };
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
 * @param {Record<string, any>} returned
 * @param {Given} given
 */
function replacedBody(returned, { ctx, body }) {
  if (returned === ctx && body.isUntouched(ctx, 'body')) return null;
  const next = returned.body;
  if (next === undefined || next === null) return null;
  const payload = toPayload(next, 'onRequest: "body"');
  return payload.kind === 'json' && body.isUnchanged(next, Buffer.from(payload.bytes).toString('utf8'))
    ? null
    : payload;
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
    throw invalidReturn(`${hook}: "status" must be a whole number from 200 to 599`);
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
