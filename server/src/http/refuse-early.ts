import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ErrorCode } from '@omniroute/shared/error-code';
import { errorBody, errorCode, PluginError } from '../errors.ts';
import { isPlainTarget } from './request-target.ts';

const routedMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const refusalHeaders = {
  'cache-control': 'no-store',
  'content-type': 'application/json; charset=utf-8',
  'x-content-type-options': 'nosniff',
  connection: 'close',
} as const;

/** Why a request that the parser let through is not even routed; null if it may be. */
export function refusalBeforeRouting(request: IncomingMessage): PluginError | null {
  const { method = '', url = '' } = request;
  if (!isPlainlyFramed(request)) {
    return new PluginError('INVALID_REQUEST', 'The request is not plain HTTP/1.1 or HTTP/1.0.');
  }
  if (!routedMethods.has(method)) return new PluginError('METHOD_NOT_ALLOWED', 'This method is not served.');
  return isPlainTarget(url) ? null : new PluginError('INVALID_REQUEST', 'The path is not valid.');
}

/** Whether everyone on the way here reads the same request: Node takes versions and codings that it does not implement. */
function isPlainlyFramed({ httpVersion, headers }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding'];
  if (headers.expect !== undefined && !/^100-continue$/i.test(headers.expect)) return false;
  if (httpVersion === '1.0') return coding === undefined;
  return httpVersion === '1.1' && (coding === undefined || /^chunked$/i.test(coding));
}

/** Answers with an error and closes the connection: what else came on it is not to be trusted. */
export function sendRefusal(response: ServerResponse, error: PluginError): void {
  const { status, body } = errorBody(error);
  const allow = status === 405 ? { allow: [...routedMethods].join(', ') } : {};
  response.writeHead(status, { ...allow, ...refusalHeaders });
  response.end(JSON.stringify(body));
}

const clientErrors: Record<string, readonly [statusLine: string, ErrorCode]> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'INVALID_REQUEST'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['413 Payload Too Large', 'BODY_TOO_LARGE'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'REQUEST_TIMEOUT'],
};

/** What the parser refuses never becomes a request. Where an answer is under way, nothing can be said any more. */
export function answerClientError(error: Error, socket: Duplex, isAnswering: boolean): void {
  if (errorCode(error) === 'ECONNRESET' || !socket.writable || isAnswering) {
    socket.destroy();
    return;
  }
  const [status, code] = clientErrors[errorCode(error)] ?? (['400 Bad Request', 'INVALID_REQUEST'] as const);
  const { body } = errorBody(new PluginError(code, `The request is not valid HTTP (${status}).`));
  const text = JSON.stringify(body);
  const headers = Object.entries({ ...refusalHeaders, 'content-length': Buffer.byteLength(text) });
  const head = [`HTTP/1.1 ${status}`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`, () => socket.destroy());
}
