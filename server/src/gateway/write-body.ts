import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

interface Options {
  response: ServerResponse;
  /** Aborts when the client leaves. */
  signal: AbortSignal;
  onChunk?: ((chunk: Buffer) => void) | undefined;
}

/** Writes `body` as fast as the client reads it, but does not end the response. Rejects when either side breaks off. */
export async function writeBody(body: Readable, { response, signal, onChunk }: Options): Promise<void> {
  const chunks: AsyncIterable<Buffer> = body;
  for await (const chunk of chunks) {
    onChunk?.(chunk);
    if (!response.write(chunk)) await drained(response, signal);
  }
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(new Error('the client is gone'));
  response.once('drain', resolve);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await promise;
  } finally {
    response.off('drain', resolve);
    signal.removeEventListener('abort', onAbort);
  }
}
