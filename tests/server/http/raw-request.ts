import { connect } from 'node:net';
import { z } from 'zod';

export interface RawRequest {
  method?: string;
  path: string;
  /** `Host` is added unless it is among them; null leaves it out. */
  headers?: readonly (readonly [string, string])[];
  host?: string | null;
  version?: '1.0' | '1.1';
  /** Strings are sent with a Content-Length. */
  body?: string | Buffer;
  address?: string;
}

export interface RawAnswer {
  status: number;
  headers: Headers;
  text: string;
  json(): unknown;
  /** The `error.code` of an error body. */
  readonly code: string | undefined;
}

const errorBodySchema = z.object({ error: z.object({ code: z.string() }) });

/** Sends exactly these bytes over a socket: no client in between that would correct them. */
export async function sendRaw(port: number, request: RawRequest): Promise<RawAnswer> {
  const { method = 'GET', path, headers = [], host = `localhost:${port}`, version = '1.1', body } = request;
  const lines = [`${method} ${path} HTTP/${version}`];
  if (host !== null) lines.push(`Host: ${host}`);
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (body !== undefined && !headers.some(([name]) => /^transfer-encoding$/i.test(name))) {
    lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  }
  lines.push('Connection: close', '', '');
  const bytes = Buffer.concat([Buffer.from(lines.join('\r\n'), 'utf8'), Buffer.from(body ?? '')]);
  return sendBytes(port, bytes, request.address === undefined ? {} : { address: request.address });
}

interface Sending {
  address?: string;
  /** What is sent once the answer has begun. */
  afterFirstByte?: string;
}

/** The answer to whatever bytes, once the server has closed the connection; status 0 if it did so without one. */
export async function sendBytes(
  port: number,
  bytes: Buffer | string,
  { address = '127.0.0.1', afterFirstByte }: Sending = {},
): Promise<RawAnswer> {
  const socket = connect({ port, host: address });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk));
  socket.once('data', () => {
    if (afterFirstByte !== undefined) socket.write(afterFirstByte);
  });
  socket.on('error', () => {});
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  socket.once('close', () => resolve());
  socket.write(bytes);
  await closed;
  return parseAnswer(Buffer.concat(chunks));
}

function parseAnswer(bytes: Buffer): RawAnswer {
  const split = bytes.indexOf('\r\n\r\n');
  const [statusLine = '', ...headerLines] = bytes
    .subarray(0, Math.max(split, 0))
    .toString('latin1')
    .split('\r\n');
  const headers = new Headers(
    headerLines.map((line) => [line.split(':', 1)[0] ?? '', line.slice(line.indexOf(':') + 1).trim()]),
  );
  const rest = bytes.subarray(split + 4);
  const text = (headers.get('transfer-encoding') === 'chunked' ? unchunk(rest) : rest).toString('utf8');
  return {
    status: Number(statusLine.split(' ')[1] ?? 0),
    headers,
    text,
    json: (): unknown => JSON.parse(text),
    get code() {
      return errorBodySchema.safeParse(JSON.parse(text)).data?.error.code;
    },
  };
}

function unchunk(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = lineEnd < 0 ? 0 : Number.parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}
