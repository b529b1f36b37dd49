import type { ErrorCode } from '@omniroute/shared/error-code';
import type { responseSources } from '@omniroute/shared/pipeline';
import { errorBody, PluginError } from '../errors.ts';
import type { HookReply } from '../plugin-process/read-frame.ts';
import { connectionHeaders, type Headers } from './header-rules.ts';

type ResponseSource = (typeof responseSources)[number];

/** A response as it goes through the hooks. */
export interface HookResponse {
  status: number;
  headers: Headers;
  /** The body as bytes; null where hooks do not get it (not JSON, too large, or already sent). */
  data: Buffer | null;
  streamed: boolean;
  usage: Record<string, unknown> | null;
  durationMs: number;
  source: ResponseSource;
}

const contentTypes = {
  json: 'application/json; charset=utf-8',
  text: 'text/plain; charset=utf-8',
  bytes: 'application/octet-stream',
};

/** The answer of a hook that blocks: 403 and a sentence, where the plugin does not say otherwise. */
export function blockResponse(plugin: string, reply: HookReply): HookResponse {
  const made = madeResponse(reply, 'plugin', validStatus(reply.head.response?.status) ?? 403);
  return reply.head.response?.body === undefined || reply.head.response.body === 'none'
    ? withJson(made, {
        error: {
          message: `Request blocked by plugin '${plugin}'`,
          type: 'plugin_block',
          code: 'PLUGIN_BLOCKED',
        },
      })
    : made;
}

/** The answer that an `onError` hook gives instead of the failure: 200 where it names no status. */
export function fallbackResponse(reply: HookReply): HookResponse {
  return madeResponse(reply, 'fallback', validStatus(reply.head.response?.status) ?? 200);
}

/** Our own answer where a closed hook failed. */
export function unavailableResponse(plugin: string, hook: string): HookResponse {
  const message = `Plugin '${plugin}' did not answer its ${hook} hook, which is set to fail closed. See the plugin's log.`;
  return hostResponse('PLUGIN_UNAVAILABLE', message);
}

/** An answer of the service's own, for an error of the one table. */
export function hostResponse(code: ErrorCode, message: string): HookResponse {
  const { status, body } = errorBody(new PluginError(code, message));
  return withJson(emptyResponse('host', status), body);
}

/** `response` with what an `onResponse` hook returned; missing keys keep their value. */
export function changedResponse(response: HookResponse, reply: HookReply): HookResponse {
  const returned = reply.head.response;
  if (returned === undefined) return response;
  const status = validStatus(returned.status) ?? response.status;
  const headers = returned.headers ? forClient(returned.headers) : response.headers;
  const bytes = reply.parts[1];
  if (returned.body === 'none' || !bytes) return { ...response, status, headers };
  return { ...response, status, headers: describeBody(headers, returned.body), data: bytes };
}

export function emptyResponse(source: ResponseSource, status: number): HookResponse {
  return { status, headers: {}, data: null, streamed: false, usage: null, durationMs: 0, source };
}

function withJson(response: HookResponse, value: unknown): HookResponse {
  return {
    ...response,
    headers: describeBody(response.headers, 'json'),
    data: Buffer.from(JSON.stringify(value), 'utf8'),
  };
}

/** Headers that describe a body as it was; they are wrong for another one. */
function describeBody(headers: Headers, kind: keyof typeof contentTypes): Headers {
  const { 'content-encoding': _, 'content-md5': _md5, digest: _digest, etag: _etag, ...rest } = headers;
  const current = rest['content-type'];
  const fits = current !== undefined && (kind === 'bytes' || /json/i.test(current) === (kind === 'json'));
  return fits ? rest : { ...rest, 'content-type': contentTypes[kind] };
}

function madeResponse(reply: HookReply, source: ResponseSource, status: number): HookResponse {
  const returned = reply.head.response;
  const empty = { ...emptyResponse(source, status), headers: forClient(returned?.headers ?? {}) };
  const bytes = reply.parts[1];
  if (returned === undefined || returned.body === 'none' || !bytes) return empty;
  return { ...empty, headers: describeBody(empty.headers, returned.body), data: bytes };
}

function forClient(headers: Headers): Headers {
  const own = Object.entries(headers).filter(
    ([name]) => !connectionHeaders.has(name) && name !== 'x-request-id',
  );
  return Object.fromEntries(own);
}

function validStatus(status: number | undefined): number | undefined {
  return status !== undefined && status >= 200 && status <= 599 ? status : undefined;
}
