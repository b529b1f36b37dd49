/**
 * The protocol between the service and a plugin's process: both ends import this file.
 * A frame is `type u8, id u32, headLength u32, bodyLength u32`, a JSON head, then raw body bytes, big-endian.
 * `parts` in the head splits the body: `[n, m]` bytes, `null` for a part that is absent.
 */
export const protocolVersion = 1;

export const headerBytes = 13;
export const maxHeadBytes = 256 * 1024;
export const maxPartBytes = 32 * 1024 * 1024;
export const maxBodyBytes = 2 * maxPartBytes;

/** @satisfies {Record<string, number>} */
export const frameTypes = /** @type {const} */ ({
  // service → plugin
  hello: 1,
  call: 2,
  abort: 3,
  ping: 4,
  config: 5,
  shutdown: 6,
  // plugin → service
  ready: 64,
  loadFailed: 65,
  result: 66,
  failure: 67,
  pong: 68,
});
