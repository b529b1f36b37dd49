/** Who a request speaks for: the holder of the management token, or of a session that was opened with it. */
export interface Principal {
  /** The stored hash of the session id; null for the token itself. */
  sessionHash: string | null;
  /** The session was just prolonged: the browser's cookie has to be, too. */
  prolonged: boolean;
}
