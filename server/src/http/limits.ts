import { bodyMaxBytes } from '@omniroute/shared/pipeline';

export const manageBodyMaxBytes = 1024 ** 2;
export const pipelineBodyMaxBytes = bodyMaxBytes;
export const maxBatchSize = 20;

/** What one connection and all of them together may take of the service; the times are in milliseconds. */
export interface ConnectionLimits {
  /** For a request's headers to arrive. */
  headersTimeoutMs: number;
  /** For a body of management to arrive. */
  bodyTimeoutMs: number;
  /** For a whole request to the gateway to arrive: uploads take their time. */
  gatewayBodyTimeoutMs: number;
  /** For the rest of a body that nobody waits for any more, since the answer is out. */
  lingerMs: number;
  /** How long a client may leave an answer of management unread. */
  unreadTimeoutMs: number;
  gatewayUnreadTimeoutMs: number;
  /** For the next request on a connection. */
  keepAliveTimeoutMs: number;
  /** How often overdue connections are looked for; they end that much later at most. */
  checkIntervalMs: number;
  /** Connections that wait for a request, in all. Those with a request in flight are not among them. */
  maxWaitingConnections: number;
  maxRequestsPerConnection: number;
  /** Requests in flight: to management, and apart from these to what needs no login. The gateway has no such limit. */
  maxRequests: number;
}

export const connectionLimits: ConnectionLimits = {
  headersTimeoutMs: 10_000,
  bodyTimeoutMs: 30_000,
  gatewayBodyTimeoutMs: 300_000,
  lingerMs: 5_000,
  unreadTimeoutMs: 30_000,
  gatewayUnreadTimeoutMs: 300_000,
  keepAliveTimeoutMs: 5_000,
  checkIntervalMs: 1_000,
  maxWaitingConnections: 256,
  maxRequestsPerConnection: 1_000,
  maxRequests: 256,
};
