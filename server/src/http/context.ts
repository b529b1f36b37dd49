import type { Logger } from '../logger.ts';
import type { Principal } from '../auth/principal.ts';
import type { EventStreams } from './event-streams.ts';
import type { Services } from './services.ts';

/** What a procedure knows of the request that called it. */
export interface Context {
  services: Services;
  streams: EventStreams;
  /** Carries the request id. */
  logger: Logger;
  /** Null for a request without valid credentials: only local procedures run for it. */
  principal: Principal | null;
  /** Answers with a session cookie; null clears it. */
  setSessionCookie(sessionId: string | null): void;
  /** Cuts the connection, so that a browser connects anew. */
  disconnect(): void;
}
