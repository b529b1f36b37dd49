import type { Socket } from 'node:net';
import { buildConnector, errors, Pool } from 'undici';
import { messageOf } from '../errors.ts';
import { isLoopbackAddress } from '../loopback.ts';
import { type Upstream, UpstreamError, type UpstreamRequest, type UpstreamResponse } from './upstream.ts';

const connectTimeoutMs = 10_000;
const headersTimeoutMs = 300_000;
const idleTimeoutMs = 300_000;

const timeouts = [errors.ConnectTimeoutError, errors.HeadersTimeoutError, errors.BodyTimeoutError];

interface Options {
  /** Includes `/v1`. */
  baseUrl: string;
  /** Replaces the application's Authorization; null lets that pass. */
  apiKey: string | null;
  /** This service's own port, which the upstream must not lead to. */
  ownPort: () => number;
}

/** A real provider behind a pool of connections. */
export class HttpUpstream implements Upstream {
  readonly provider: string;
  readonly #pool: Pool;
  readonly #basePath: string;
  readonly #apiKey: string | null;

  constructor({ baseUrl, apiKey, ownPort }: Options) {
    const url = new URL(baseUrl);
    this.provider = url.host;
    this.#basePath = url.pathname.replace(/\/$/, '');
    this.#apiKey = apiKey;
    const connect = buildConnector({ timeout: connectTimeoutMs });
    this.#pool = new Pool(url.origin, {
      headersTimeout: headersTimeoutMs,
      bodyTimeout: idleTimeoutMs,
      connect: (options, callback) => {
        connect(options, (error, socket) => {
          if (error) return callback(error, null);
          if (!isOwnAddress(socket, ownPort())) return callback(null, socket);
          socket.destroy();
          return callback(new Error('the upstream URL leads back to this service'), null);
        });
      },
    });
  }

  async send({ method, path, headers, body, signal }: UpstreamRequest): Promise<UpstreamResponse> {
    const withKey = this.#apiKey === null ? headers : { ...headers, authorization: `Bearer ${this.#apiKey}` };
    try {
      const response = await this.#pool.request({
        method,
        path: this.#basePath + path || '/',
        headers: withKey,
        body,
        signal,
      });
      return { status: response.statusCode, headers: response.headers, body: response.body };
    } catch (error) {
      const code = isTimeout(error) ? 'UPSTREAM_TIMEOUT' : 'UPSTREAM_UNREACHABLE';
      throw new UpstreamError(
        code,
        `The upstream ${this.provider} cannot be used: ${messageOf(error)}`,
        error,
      );
    }
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }
}

export function isTimeout(error: unknown): boolean {
  return timeouts.some((kind) => error instanceof kind);
}

function isOwnAddress({ remoteAddress, remotePort, localAddress }: Socket, ownPort: number): boolean {
  return remotePort === ownPort && (isLoopbackAddress(remoteAddress) || remoteAddress === localAddress);
}
