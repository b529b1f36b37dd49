/**
 * The protocol between the service and a plugin's process: both ends import this file.
 * A frame is `type u8, id u32, headLength u32, bodyLength u32`, a JSON head, then raw body bytes, big-endian.
 * `parts` in the head splits the body: `[n, m]` bytes, `null` for a part that is absent.
 */
export const protocolVersion = 1;

export const headerBytes = 13;
const maxHeadBytes = 256 * 1024;
export const maxPartBytes = 32 * 1024 * 1024;
const maxBodyBytes = 2 * maxPartBytes;

/** Of the requests of a plugin's `fetch`, so many are open at once; the program in its process has the others wait. */
export const maxFetches = 64;
export const maxFetchBodyBytes = 1024 * 1024;
const maxFetchHeadBytes = 64 * 1024;

/** @satisfies {Record<string, number>} */
export const frameTypes = /** @type {const} */ ({
  // service → plugin
  hello: 1,
  call: 2,
  abort: 3,
  ping: 4,
  config: 5,
  shutdown: 6,
  fetchResult: 7,
  fetchFailed: 8,
  // plugin → service
  ready: 64,
  loadFailed: 65,
  result: 66,
  failure: 67,
  pong: 68,
  // plugin → service, unasked, with ids of the plugin's: 1, 2, 3 and so on
  fetch: 69,
  fetchAbort: 70,
});

/** @param {number} type */
export function isUnasked(type) {
  return type === frameTypes.fetch || type === frameTypes.fetchAbort;
}

/**
 * How large a frame of this type may be.
 *
 * @param {number} type
 */
export function maxFrameBytes(type) {
  return isUnasked(type)
    ? { head: maxFetchHeadBytes, body: maxFetchBodyBytes }
    : { head: maxHeadBytes, body: maxBodyBytes };
}
