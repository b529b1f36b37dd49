import { asInvalidReturn } from './invalid-return.js';
import { defineLazy, lazyJson } from './lazy-json.js';
import { readErrorReturn, readRequestReturn, readResponseReturn } from './read-return.js';

/**
 * Runs one hook of the pipeline and turns what it returned into a frame.
 *
 * @param {(...args: unknown[]) => unknown} hook
 * @param {{ hook: string, ctx?: any, response?: any, error?: any, summary?: any }} call
 * @param {(Buffer | null)[]} parts the request's body, then the response's or the error's
 * @param {{ configText: string, signal: AbortSignal }} given
 * @returns {Promise<{ head: object, parts: (Uint8Array | null)[] }>}
 */
export async function callHook(hook, call, [requestBody = null, secondBody = null], { configText, signal }) {
  const body = lazyJson(requestBody);
  const config = lazyJson(Buffer.from(configText, 'utf8'));
  const ctx = { ...call.ctx };
  body.define(ctx, 'body');
  config.define(ctx, 'config');
  Object.defineProperty(ctx, 'signal', { value: signal, enumerable: true });
  const given = { ctx, body, headers: { ...call.ctx.headers }, metadata: snapshot(call.ctx.metadata) };

  if (call.hook === 'onRequest') {
    const returned = await hook(ctx);
    return asInvalidReturn(() => readRequestReturn(returned, given));
  }
  if (call.hook === 'onResponse') {
    const data = lazyJson(secondBody);
    const response = withBody(call.response, data);
    const returned = await hook(ctx, response);
    return asInvalidReturn(() => readResponseReturn(returned, response, data, given));
  }
  if (call.hook === 'onError') {
    const data = lazyJson(secondBody);
    const error = { ...call.error };
    data.define(error, 'body');
    const returned = await hook(ctx, error);
    return asInvalidReturn(() => readErrorReturn(returned, given));
  }
  await hook(ctx, call.summary);
  return { head: {}, parts: [] };
}

/**
 * A response as a hook reads it: `data`, and `body` as its non-enumerable alias.
 *
 * @param {any} head
 * @param {ReturnType<typeof lazyJson>} data
 */
function withBody(head, data) {
  const response = { ...head };
  data.define(response, 'data');
  data.define(response, 'body', false);
  if (head.usage === null) defineUsage(response, data);
  return response;
}

/**
 * The usage that a JSON answer tells of itself; the service does not parse answers to find it.
 *
 * @param {object} response
 * @param {ReturnType<typeof lazyJson>} data
 */
function defineUsage(response, data) {
  const get = () => {
    const usage = /** @type {any} */ (data.value())?.usage;
    return typeof usage === 'object' ? usage : null;
  };
  defineLazy(response, 'usage', get);
}

/**
 * Each metadata key's JSON before the hook runs, to find what it sets in place.
 *
 * @param {Record<string, unknown>} metadata
 */
function snapshot(metadata) {
  return new Map(Object.entries(metadata).map(([key, value]) => [key, JSON.stringify(value)]));
}
