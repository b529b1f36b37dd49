import type { Readable } from 'node:stream';

/**
 * Reads a stream to its end.
 *
 * @returns the bytes, or, where there are more than `maxBytes`, `overflow` with what has been read so far; the rest
 *   is still in the stream then
 */
export async function readBody(
  stream: Readable,
  maxBytes: number,
): Promise<{ kind: 'whole'; bytes: Buffer } | { kind: 'overflow'; bytes: Buffer }> {
  const chunks: Buffer[] = [];
  let size = 0;
  const iterator: AsyncIterator<Buffer> = stream.iterator({ destroyOnReturn: false });
  for (;;) {
    const next = await iterator.next();
    if (next.done) return { kind: 'whole', bytes: Buffer.concat(chunks, size) };
    chunks.push(next.value);
    size += next.value.length;
    if (size > maxBytes) {
      await iterator.return?.();
      return { kind: 'overflow', bytes: Buffer.concat(chunks, size) };
    }
  }
}
