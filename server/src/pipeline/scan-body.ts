/** The two top-level fields of a chat request that the gateway itself needs. */
export interface ScannedBody {
  model: string | null;
  stream: boolean;
}

const quote = 0x22;
const backslash = 0x5c;
const openers = new Set([0x7b, 0x5b]);
const closers = new Set([0x7d, 0x5d]);

/**
 * Reads top-level `model` and `stream` from JSON bytes without parsing the rest. Of a repeated key the last
 * wins, as in JSON.parse. Other JSON than an object yields no model and no stream. It does not validate: broken JSON may
 * yield either.
 */
export function scanBody(body: Uint8Array | null): ScannedBody {
  const found: ScannedBody = { model: null, stream: false };
  if (body === null) return found;
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  let depth = 0;
  let key: string | null = null;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === quote) {
      const end = stringEnd(bytes, at);
      if (depth === 1) key = onString(bytes, at, end, key, found);
      at = end;
    } else if (openers.has(byte)) {
      depth += 1;
      if (depth === 1 && byte !== 0x7b) return found;
    } else if (closers.has(byte)) {
      depth -= 1;
    } else if (depth === 1 && byte === 0x2c) {
      key = null;
    } else if (depth === 1 && key === 'stream' && (byte === 0x74 || byte === 0x66)) {
      found.stream = byte === 0x74;
      key = null;
    }
  }
  return found;
}

/** A top-level string is a key, or the value of the key before it. Returns the key that waits for its value. */
function onString(
  bytes: Buffer,
  start: number,
  end: number,
  key: string | null,
  found: ScannedBody,
): string | null {
  if (key === null) {
    const name = readString(bytes, start, end);
    if (name === 'model') found.model = null;
    if (name === 'stream') found.stream = false;
    return name ?? '';
  }
  if (key === 'model') found.model = readString(bytes, start, end);
  return null;
}

/** Index of the closing quote of the string that opens at `start`. */
function stringEnd(bytes: Buffer, start: number): number {
  let at = start + 1;
  for (;;) {
    const end = bytes.indexOf(quote, at);
    if (end === -1) return bytes.length;
    let escapes = 0;
    while (bytes[end - 1 - escapes] === backslash) escapes += 1;
    if (escapes % 2 === 0) return end;
    at = end + 1;
  }
}

function readString(bytes: Buffer, start: number, end: number): string | null {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8', start, end + 1));
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}
