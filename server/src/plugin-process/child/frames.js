import { headerBytes, maxFrameBytes } from './protocol.js';

/**
 * @typedef {object} Frame
 * @property {number} type
 * @property {number} id
 * @property {unknown} head
 * @property {Buffer} body
 * @property {number} length all of its bytes
 */

/** Pieces over this are left apart. */
const joinedBytes = 32 * 1024;

/** Frames over this are gathered in one place from the start; its pages are the system's until bytes come. */
const largeBytes = 1024 * 1024;

/** Splits a byte stream into frames. Lengths are checked before anything is allocated for them. */
export class FrameReader {
  /** @type {Buffer[]} */
  #chunks = [];
  #buffered = 0;
  /** @type {{ type: number, id: number, headLength: number, bodyLength: number } | null} */
  #header = null;
  /** @type {{ bytes: Buffer, filled: number } | null} */
  #large = null;

  /**
   * @param {Buffer} chunk
   * @returns {Generator<Frame, void>} the frames that this chunk completes
   * @throws {Error} when the bytes break the protocol, RangeError by their lengths; the channel is of no use then
   */
  *push(chunk) {
    this.#append(this.#large === null ? chunk : this.#fill(this.#large, chunk));
    yield* this.frames();
  }

  /**
   * @returns {Generator<Frame, void>} the whole frames that were pushed and not taken yet
   * @throws {Error} as {@link push} does
   */
  *frames() {
    for (;;) {
      this.#header ??= this.#readHeader();
      const header = this.#header;
      if (header === null) return;
      const rest = header.headLength + header.bodyLength;
      if (this.#buffered < rest && rest > largeBytes) this.#gatherLarge(rest);
      if (this.#buffered < rest) return;
      const head = parseHead(this.#take(header.headLength));
      const body = this.#take(header.bodyLength);
      this.#header = null;
      const length = headerBytes + rest;
      yield { type: header.type, id: header.id, head, body, length };
    }
  }

  /**
   * What comes of a large frame is copied where it belongs as it comes: at its end, the copy of all would hold up the rest.
   *
   * @param {number} length
   */
  #gatherLarge(length) {
    if (this.#large !== null) return;
    const large = { bytes: Buffer.allocUnsafeSlow(length), filled: 0 };
    for (const chunk of this.#chunks.splice(0)) this.#fill(large, chunk);
    this.#large = large;
  }

  /**
   * @param {{ bytes: Buffer, filled: number }} large
   * @param {Buffer} chunk
   * @returns {Buffer} what belongs to the frames behind it
   */
  #fill(large, chunk) {
    const copied = chunk.copy(large.bytes, large.filled);
    large.filled += copied;
    if (this.#large === large) this.#buffered += copied;
    if (large.filled === large.bytes.length) {
      this.#chunks.push(large.bytes);
      this.#large = null;
    }
    return chunk.subarray(copied);
  }

  /**
   * Small pieces are joined to what they follow, so that a frame in many of them costs little more than its bytes.
   *
   * @param {Buffer} chunk
   */
  #append(chunk) {
    if (chunk.length === 0) return;
    this.#buffered += chunk.length;
    let joined = chunk;
    for (;;) {
      const before = this.#chunks.at(-1);
      if (before === undefined || before.length > joined.length || before.length > joinedBytes) break;
      this.#chunks.pop();
      joined = Buffer.concat([before, joined]);
    }
    this.#chunks.push(joined);
  }

  #readHeader() {
    if (this.#buffered < headerBytes) return null;
    const bytes = this.#take(headerBytes);
    const type = bytes.readUInt8(0);
    const headLength = bytes.readUInt32BE(5);
    const bodyLength = bytes.readUInt32BE(9);
    const max = maxFrameBytes(type);
    if (headLength > max.head)
      throw new RangeError(`a frame's head of ${headLength} bytes is over the limit`);
    if (bodyLength > max.body)
      throw new RangeError(`a frame's body of ${bodyLength} bytes is over the limit`);
    return { type, id: bytes.readUInt32BE(1), headLength, bodyLength };
  }

  /** @param {number} length */
  #take(length) {
    const first = this.#chunks[0];
    if (first === undefined || length === 0) return Buffer.alloc(0);
    this.#buffered -= length;
    if (first.length > length) {
      this.#chunks[0] = first.subarray(length);
      return first.subarray(0, length);
    }
    if (first.length === length) {
      this.#chunks.shift();
      return first;
    }
    const whole = Buffer.concat(this.#chunks);
    this.#chunks = whole.length > length ? [whole.subarray(length)] : [];
    return whole.subarray(0, length);
  }
}

/** @param {Buffer} bytes */
function parseHead(bytes) {
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new Error("a frame's head is not JSON");
  }
}

const directWriteBytes = 64 * 1024;

/** Writes frames to a socket: small ones of one tick together, large bodies directly. */
export class FrameWriter {
  /** @type {Buffer[]} */
  #pending = [];
  #scheduled = false;
  #socket;

  /** @param {import('node:stream').Writable} socket */
  constructor(socket) {
    this.#socket = socket;
  }

  /**
   * @param {number} type
   * @param {number} id
   * @param {object} head
   * @param {readonly (Uint8Array | null)[]} [parts] become the body, and `parts` of the head
   * @throws {RangeError} when the head or the body is over the limit; nothing is written then
   */
  write(type, id, head, parts = []) {
    const lengths = parts.map((part) => part?.length ?? null);
    const headText = parts.length === 0 ? JSON.stringify(head) : JSON.stringify({ ...head, parts: lengths });
    const headBytes = Buffer.from(headText, 'utf8');
    const bodyLength = lengths.reduce((/** @type {number} */ sum, length) => sum + (length ?? 0), 0);
    const max = maxFrameBytes(type);
    if (headBytes.length > max.head)
      throw new RangeError(`headers and metadata of ${headBytes.length} bytes are too large`);
    if (bodyLength > max.body) throw new RangeError(`a body of ${bodyLength} bytes is too large`);
    const header = Buffer.allocUnsafe(headerBytes);
    header.writeUInt8(type, 0);
    header.writeUInt32BE(id, 1);
    header.writeUInt32BE(headBytes.length, 5);
    header.writeUInt32BE(bodyLength, 9);
    this.#pending.push(header, headBytes);
    for (const part of parts) this.#append(part);
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => this.flush());
  }

  /** @param {Uint8Array | null} part */
  #append(part) {
    if (part === null || part.length === 0) return;
    const bytes = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    this.#pending.push(bytes);
    if (bytes.length < directWriteBytes) return;
    this.#pending.pop();
    this.flush();
    this.#socket.write(bytes);
  }

  flush() {
    this.#scheduled = false;
    if (this.#pending.length === 0) return;
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#socket.write(bytes);
  }
}

/**
 * Splits a frame's body by the `parts` of its head.
 *
 * @param {Buffer} body
 * @param {readonly (number | null)[]} lengths
 * @returns {(Buffer | null)[]}
 * @throws {Error} when the lengths do not add up to the body
 */
export function splitParts(body, lengths) {
  let offset = 0;
  const parts = lengths.map((length) => {
    if (length === null) return null;
    const part = body.subarray(offset, offset + length);
    offset += length;
    return part;
  });
  if (offset !== body.length) throw new Error('the parts of a frame do not add up to its body');
  return parts;
}
