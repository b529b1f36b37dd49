import {
  defaultSettings,
  type Settings,
  type SettingsPatch,
  settingsSchema,
} from '@omniroute/shared/settings';
import type { Kysely } from 'kysely';
import type { Database } from '../database/schema.ts';

/** The stored settings, one row per key, values as JSON. */
export class SettingsRepository {
  readonly #database: Kysely<Database>;

  constructor(database: Kysely<Database>) {
    this.#database = database;
  }

  /** Over the defaults. */
  async read(): Promise<Settings> {
    const rows = await this.#database
      .selectFrom('settings')
      .select(['key', 'value'])
      .where('key', 'in', Object.keys(defaultSettings))
      .execute();
    const stored = Object.fromEntries(
      rows.map(({ key, value }): [string, unknown] => [key, JSON.parse(value)]),
    );
    return settingsSchema.parse({ ...defaultSettings, ...stored });
  }

  /** All of the patch or nothing. */
  async write(patch: SettingsPatch, now: Date): Promise<void> {
    const updatedAt = now.toISOString();
    const rows = Object.entries(patch).map(([key, value]) => ({
      key,
      value: JSON.stringify(value),
      updated_at: updatedAt,
    }));
    await this.#database.transaction().execute(async (transaction) => {
      for (const row of rows) {
        await transaction
          .insertInto('settings')
          .values(row)
          .onConflict((conflict) => conflict.column('key').doUpdateSet(row))
          .execute();
      }
    });
  }
}
