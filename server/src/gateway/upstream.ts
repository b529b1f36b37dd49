import type { Readable } from 'node:stream';
import type { UpstreamErrorCode } from '@omniroute/shared/pipeline';

export type UpstreamHeaders = Record<string, string | string[] | undefined>;

export interface UpstreamRequest {
  method: string;
  /** The path below `/v1`, with its query: `/chat/completions`. */
  path: string;
  headers: Record<string, string | string[]>;
  body: Buffer | null;
  signal: AbortSignal;
}

export interface UpstreamResponse {
  status: number;
  headers: UpstreamHeaders;
  body: Readable;
}

/** What answers a request that no plugin has answered. */
export interface Upstream {
  /** The upstream's host, or `omniroute` for the embedded one: `ctx.provider`. */
  readonly provider: string;
  /** Rejects with UpstreamError. */
  send(request: UpstreamRequest): Promise<UpstreamResponse>;
  close(): Promise<void>;
}

export class UpstreamError extends Error {
  readonly code: Exclude<UpstreamErrorCode, 'UPSTREAM_STATUS'>;

  constructor(code: UpstreamError['code'], message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'UpstreamError';
    this.code = code;
  }
}
