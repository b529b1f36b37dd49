import type { Kysely } from 'kysely';
import type { Database } from '../database/schema.ts';

const tokenHashKey = 'auth.tokenHash';

export interface SessionRow {
  hash: string;
  expiresAt: Date;
}

/** Sessions by the hash of their id, and the hash of the token that they were opened with. */
export class SessionRepository {
  readonly #database: Kysely<Database>;

  constructor(database: Kysely<Database>) {
    this.#database = database;
  }

  async find(hash: string): Promise<SessionRow | null> {
    const row = await this.#database
      .selectFrom('sessions')
      .select(['token_hash', 'expires_at'])
      .where('token_hash', '=', hash)
      .executeTakeFirst();
    return row ? { hash: row.token_hash, expiresAt: new Date(row.expires_at) } : null;
  }

  /** Adds a session and removes those that have expired. */
  async insert(session: SessionRow, now: Date): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      await transaction.deleteFrom('sessions').where('expires_at', '<=', now.toISOString()).execute();
      await transaction
        .insertInto('sessions')
        .values({
          token_hash: session.hash,
          created_at: now.toISOString(),
          expires_at: session.expiresAt.toISOString(),
        })
        .execute();
    });
  }

  async prolong(session: SessionRow): Promise<void> {
    await this.#database
      .updateTable('sessions')
      .set({ expires_at: session.expiresAt.toISOString() })
      .where('token_hash', '=', session.hash)
      .execute();
  }

  async delete(hash: string): Promise<void> {
    await this.#database.deleteFrom('sessions').where('token_hash', '=', hash).execute();
  }

  /** Drops every session that was opened with another management token. */
  async bindToToken(tokenHash: string, now: Date): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      const known = await transaction
        .selectFrom('settings')
        .select('value')
        .where('key', '=', tokenHashKey)
        .executeTakeFirst();
      const value = JSON.stringify(tokenHash);
      if (known?.value === value) return;
      await transaction.deleteFrom('sessions').execute();
      await transaction
        .insertInto('settings')
        .values({ key: tokenHashKey, value, updated_at: now.toISOString() })
        .onConflict((conflict) =>
          conflict.column('key').doUpdateSet({ value, updated_at: now.toISOString() }),
        )
        .execute();
    });
  }
}
