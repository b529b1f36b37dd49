import type { IncomingMessage, ServerResponse } from 'node:http';
import { PluginError } from '../errors.ts';
import { headerValues } from './headers.ts';
import { decodeUtf8 } from './json-body.ts';

const jsonType = /^application\/json *(; *charset="?utf-8"? *)?$/i;

export interface BodyLimits {
  maxBytes: number;
  /** For the whole body to arrive. */
  timeoutMs: number;
}

/**
 * The text of a JSON body; undefined if there is none, whatever its content type says. Throws UNSUPPORTED_MEDIA_TYPE for any
 * other body before reading it, BODY_TOO_LARGE and REQUEST_TIMEOUT while reading, and INVALID_REQUEST for one that is not UTF-8
 * or breaks off.
 */
export async function readJsonText(
  request: IncomingMessage,
  response: ServerResponse,
  { maxBytes, timeoutMs }: BodyLimits,
): Promise<string | undefined> {
  if (!hasBody(request)) return undefined;
  refuseOtherTypes(request.rawHeaders);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  if (request.headers.expect !== undefined) response.writeContinue();
  const bytes = await readBytes(request, { maxBytes, timeoutMs });
  return bytes.length === 0 ? undefined : decodeUtf8(bytes);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function refuseOtherTypes(rawHeaders: readonly string[]): void {
  const types = headerValues(rawHeaders, 'content-type');
  if (types.length !== 1 || !jsonType.test(types[0] ?? '')) {
    throw new PluginError(
      'UNSUPPORTED_MEDIA_TYPE',
      'Send the body with the header `Content-Type: application/json`.',
    );
  }
  if (headerValues(rawHeaders, 'content-encoding').length > 0) {
    throw new PluginError('UNSUPPORTED_MEDIA_TYPE', 'Send the body as it is, without a Content-Encoding.');
  }
}

async function readBytes(request: IncomingMessage, { maxBytes, timeoutMs }: BodyLimits): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(tooSlow(timeoutMs)), timeoutMs);
  const onData = (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBytes) reject(tooLarge(maxBytes));
    else chunks.push(chunk);
  };
  const onBreak = (cause?: Error) =>
    reject(new PluginError('INVALID_REQUEST', 'The body broke off.', { cause }));
  request.on('data', onData).once('end', resolve).once('error', onBreak).once('close', onBreak);
  try {
    await promise;
    return Buffer.concat(chunks, size);
  } finally {
    clearTimeout(timer);
    // Node discards what is still to come once the answer is out.
    request.off('data', onData).off('end', resolve).off('error', onBreak).off('close', onBreak);
  }
}

function tooLarge(maxBytes: number): PluginError {
  return new PluginError('BODY_TOO_LARGE', `The body is larger than ${maxBytes / 1024 ** 2} MiB.`);
}

function tooSlow(timeoutMs: number): PluginError {
  return new PluginError('REQUEST_TIMEOUT', `The body did not arrive within ${timeoutMs / 1_000} seconds.`);
}
