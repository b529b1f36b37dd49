import type { LoginInput } from '@omniroute/shared/auth';
import { PluginError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import { FailureLimit } from './failure-limit.ts';
import { LoginCodes } from './login-codes.ts';
import type { Principal } from './principal.ts';
import { newSecret, secretHash, secretsEqual } from './secret.ts';
import type { SessionRepository } from './session-repository.ts';

const dayMs = 24 * 60 * 60_000;
export const sessionLifetimeMs = 30 * dayMs;
const prolongAfterMs = dayMs;
const maxFailedLoginsPerMinute = 10;

/** What a request brought along. A header that came twice is `invalid`. */
export interface Credentials {
  bearer: string | null;
  cookie: string | null;
  invalid: boolean;
}

interface AuthServiceOptions {
  sessions: SessionRepository;
  managementToken: string;
  runtime: Runtime;
  /** The bound port, for login links. */
  port: () => number;
}

/** Who may manage this service: the holder of the management token, and sessions opened with it. */
export class AuthService {
  readonly #sessions: SessionRepository;
  readonly #managementToken: string;
  readonly #runtime: Runtime;
  readonly #port: () => number;
  readonly #codes: LoginCodes;
  readonly #failures: FailureLimit;
  readonly #logoutListeners = new Set<(sessionHash: string) => void>();

  constructor(options: AuthServiceOptions) {
    this.#sessions = options.sessions;
    this.#managementToken = options.managementToken;
    this.#runtime = options.runtime;
    this.#port = options.port;
    this.#codes = new LoginCodes(options.runtime);
    this.#failures = new FailureLimit(maxFailedLoginsPerMinute, options.runtime);
  }

  /** Drops the sessions of an earlier management token. Call once, before the first request. */
  async start(): Promise<void> {
    await this.#sessions.bindToToken(secretHash(this.#managementToken), this.#runtime.now());
  }

  /** The principal of these credentials; null when there are none, or when any of them is not valid. */
  async authenticate({ bearer, cookie, invalid }: Credentials): Promise<Principal | null> {
    if (invalid || (bearer === null && cookie === null)) return null;
    if (bearer !== null && !this.#isToken(bearer)) return null;
    if (cookie === null || this.#isToken(cookie)) return { sessionHash: null, prolonged: false };
    return this.#sessionOf(cookie);
  }

  /**
   * Opens a session for a one-time code or the management token.
   * Throws AUTH_REQUIRED for a wrong one and RATE_LIMITED after ten of those within a minute.
   */
  async login(input: LoginInput): Promise<{ sessionId: string }> {
    this.#checkLogin(input);
    const sessionId = newSecret();
    const now = this.#runtime.now();
    await this.#sessions.insert({ hash: secretHash(sessionId), expiresAt: this.#expiryFrom(now) }, now);
    return { sessionId };
  }

  /** Deletes the principal's session; the token itself has none. */
  async logout({ sessionHash }: Principal): Promise<void> {
    if (sessionHash === null) return;
    await this.#sessions.delete(sessionHash);
    for (const listener of this.#logoutListeners) listener(sessionHash);
  }

  /** Calls `listener` with the hash of each session that logs out. Returns the function that ends this. */
  onLogout(listener: (sessionHash: string) => void): () => void {
    this.#logoutListeners.add(listener);
    return () => this.#logoutListeners.delete(listener);
  }

  /** Whether the principal would still be let in. */
  async isValid({ sessionHash }: Principal): Promise<boolean> {
    if (sessionHash === null) return true;
    const session = await this.#sessions.find(sessionHash);
    return session !== null && session.expiresAt > this.#runtime.now();
  }

  /** A link that logs a browser in, once, within ten minutes. */
  createLoginCode(): { url: string; expiresAt: string } {
    const { code, expiresAt } = this.#codes.create();
    return { url: `http://localhost:${this.#port()}/login#code=${code}`, expiresAt: expiresAt.toISOString() };
  }

  // Without an await between the check and the count, so that a batch of logins cannot slip through.
  #checkLogin(input: LoginInput): void {
    this.#failures.check();
    const accepted = 'code' in input ? this.#codes.redeem(input.code) : this.#isToken(input.token);
    if (accepted) return;
    this.#failures.count();
    throw new PluginError(
      'AUTH_REQUIRED',
      'code' in input
        ? 'This login link was used before or has expired. Run `npx -y pnpm@12 login-link` for a new one.'
        : 'This is not the management token. It is in the file auth-token of the data directory.',
    );
  }

  async #sessionOf(sessionId: string): Promise<Principal | null> {
    const session = await this.#sessions.find(secretHash(sessionId));
    const now = this.#runtime.now();
    if (session === null || session.expiresAt <= now) return null;
    const expiresAt = this.#expiryFrom(now);
    const prolonged = expiresAt.getTime() - session.expiresAt.getTime() > prolongAfterMs;
    if (prolonged) await this.#sessions.prolong({ hash: session.hash, expiresAt });
    return { sessionHash: session.hash, prolonged };
  }

  #isToken(secret: string): boolean {
    return secretsEqual(secret, this.#managementToken);
  }

  #expiryFrom(now: Date): Date {
    return new Date(now.getTime() + sessionLifetimeMs);
  }
}
