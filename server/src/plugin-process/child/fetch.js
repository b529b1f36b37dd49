import { maxFetchBodyBytes, maxFetches } from './protocol.js';
import { fetchFailed } from './fetch-error.js';
import { Slots, untilAborted } from './slots.js';

/**
 * @typedef {object} Transport
 * @property {(id: number, head: object, body: Uint8Array | null) => void} send throws RangeError for what is too large
 * @property {(id: number) => void} abort
 */

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {string} statusText
 * @property {[string, string][]} headers
 * @property {string} url
 */

const redirects = new Set([301, 302, 303, 307, 308]);
const nullBodies = new Set([204, 205, 304]);
// What a Response takes for one; a server may write others.
const statusTextPattern = /^[\t\x20-\x7e\x80-\xff]*$/;

/** `fetch` as the Fetch standard has it, but that the service makes the requests, and follows no redirect. */
export class FetchClient {
  #transport;
  #nextId = 1;
  /** @type {Map<number, PromiseWithResolvers<{ answer: Answer, body: Buffer }>>} */
  #open = new Map();
  #slots = new Slots(maxFetches);

  /** @param {Transport} transport */
  constructor(transport) {
    this.#transport = transport;
  }

  /**
   * @param {string | URL | Request} input
   * @param {RequestInit & { timeoutMs?: number }} [init] `timeoutMs`, beside what is standard: for the whole request
   * @returns {Promise<Response>}
   */
  fetch = async (input, init) => {
    const request = new Request(input, init);
    const { signal } = request;
    signal.throwIfAborted();
    if (request.integrity !== '')
      throw refused('the service does not check "integrity": check the body yourself');
    const body = await untilAborted(collect(request), signal);
    await this.#slots.take(signal);
    const { answer, body: answered } = await this.#ask(request, body, init?.timeoutMs, signal);
    if (request.redirect === 'error' && redirects.has(answer.status)) {
      throw fetchFailed('FETCH_FAILED', `the server redirects with ${answer.status}`);
    }
    return responseOf(answer, answered);
  };

  /**
   * @param {number} id
   * @param {Answer} answer
   * @param {Buffer} body
   */
  answered(id, answer, body) {
    this.#close(id)?.resolve({ answer, body });
  }

  /**
   * @param {number} id
   * @param {{ code: string, message: string }} failure
   */
  failed(id, { code, message }) {
    this.#close(id)?.reject(fetchFailed(code, message));
  }

  /**
   * @param {Request} request
   * @param {Uint8Array | null} body
   * @param {number | undefined} timeoutMs
   * @param {AbortSignal} signal
   */
  async #ask(request, body, timeoutMs, signal) {
    const id = this.#nextId;
    const { url, method } = request;
    const headers = [...request.headers];
    if (!request.headers.has('accept')) headers.push(['accept', '*/*']);
    try {
      this.#transport.send(id, { url, method, headers, timeoutMs }, body);
    } catch (cause) {
      this.#slots.release();
      throw refused('the URL and the headers are larger than is allowed', cause);
    }
    this.#nextId += 1;
    const pending = Promise.withResolvers();
    this.#open.set(id, pending);
    try {
      return await untilAborted(pending.promise, signal);
    } finally {
      // It stays open until the service has let go of it.
      if (signal.aborted && this.#open.has(id)) this.#transport.abort(id);
    }
  }

  /** @param {number} id */
  #close(id) {
    const pending = this.#open.get(id);
    if (this.#open.delete(id)) this.#slots.release();
    return pending;
  }
}

/**
 * The whole body; null where there is none.
 *
 * @param {Request} request
 * @returns {Promise<Uint8Array | null>}
 */
async function collect({ body }) {
  if (body === null) return null;
  const chunks = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxFetchBodyBytes) throw refused(`the body is larger than ${maxFetchBodyBytes} bytes`);
    chunks.push(chunk);
  }
  // A megabyte counts in a process of little memory: what came in one piece is not copied.
  const [first] = chunks;
  return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
}

/**
 * @param {Answer} answer
 * @param {Buffer} body
 */
function responseOf(answer, body) {
  const { status, headers } = answer;
  try {
    const response = new Response(nullBodies.has(status) ? null : body, {
      status,
      statusText: statusTextPattern.test(answer.statusText) ? answer.statusText : '',
      headers,
    });
    return asFetched(response, answer.url);
  } catch (cause) {
    throw fetchFailed(
      'FETCH_FAILED',
      `the server's answer, of status ${status}, is none that a Response can be`,
      cause,
    );
  }
}

/**
 * What only `fetch` itself can give a Response.
 *
 * @param {Response} response
 * @param {string} url
 * @returns {Response}
 */
function asFetched(response, url) {
  return Object.defineProperties(response, {
    url: { value: url },
    type: { value: 'basic' },
    clone: { value: () => asFetched(Response.prototype.clone.call(response), url) },
  });
}

/**
 * @param {string} message
 * @param {unknown} [cause]
 */
function refused(message, cause) {
  return fetchFailed('REQUEST_REFUSED', message, cause);
}
