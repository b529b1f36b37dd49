import { permissionSchema } from '@omniroute/shared/permission';
import type { RolledBack } from '@omniroute/shared/plugin';
import { configSchema } from '@omniroute/shared/plugin-config';
import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import { z } from 'zod';
import { jsonColumn } from '../database/column.ts';
import type { Database } from '../database/schema.ts';
import { type PluginVersion, upgradeReason } from './plugin-version.ts';

const keptVersions = 20;

const configColumn = jsonColumn(configSchema);
const grantColumn = jsonColumn(
  z.object({
    permissions: z.array(permissionSchema),
    readPaths: z.array(z.string()),
    writePaths: z.array(z.string()),
    hosts: z.array(z.string()),
    env: z.array(z.string()),
  }),
);
/** Rows are in the order in which they were written, whatever the clock said. */
const rowid = sql<number>`rowid`;

/** The `plugin_versions` table: what each plugin was before. */
export class PluginVersionRepository {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** What the plugin was last, before it became what it is. */
  async latest(pluginId: string): Promise<PluginVersion | undefined> {
    const row = await this.#db
      .selectFrom('plugin_versions')
      .selectAll()
      .where('plugin_id', '=', pluginId)
      .orderBy(rowid, 'desc')
      .limit(1)
      .executeTakeFirst();
    return row && toVersion(row);
  }

  /** What the plugin was rolled back from, where it is the result of a rollback. */
  async rollback(pluginId: string): Promise<RolledBack | undefined> {
    const left = await this.latest(pluginId);
    if (left === undefined || left.reason === upgradeReason) return undefined;
    return { from: left.version, at: left.createdAt, reason: left.reason };
  }

  /** By plugin id, what each plugin was rolled back from, for those that are the result of a rollback. */
  async rollbacks(): Promise<Map<string, RolledBack>> {
    const rows = await this.#db
      .selectFrom('plugin_versions')
      .select(['plugin_id', 'version', 'reason', 'created_at'])
      .where(rowid, 'in', (query) =>
        query.selectFrom('plugin_versions').select(sql<number>`max(rowid)`.as('id')).groupBy('plugin_id'),
      )
      .where('reason', '!=', upgradeReason)
      .execute();
    return new Map(
      rows.map(({ plugin_id, version, reason, created_at }) => [
        plugin_id,
        { from: version, at: created_at, reason },
      ]),
    );
  }
}

function toVersion(row: Selectable<Database['plugin_versions']>): PluginVersion {
  return {
    version: row.version,
    config: configColumn.read(row.config),
    grant: grantColumn.read(row.permissions),
    reason: row.reason,
    createdAt: row.created_at,
  };
}

/** Keeps what a plugin was, and the newest of what it was before that. */
export async function pushVersion(
  trx: Transaction<Database>,
  pluginId: string,
  left: PluginVersion,
): Promise<void> {
  await trx
    .insertInto('plugin_versions')
    .values({
      plugin_id: pluginId,
      version: left.version,
      config: configColumn.write(left.config),
      permissions: grantColumn.write(left.grant),
      reason: left.reason,
      created_at: left.createdAt,
    })
    .execute();
  await trx
    .deleteFrom('plugin_versions')
    .where('plugin_id', '=', pluginId)
    .where(rowid, 'not in', (query) =>
      query
        .selectFrom('plugin_versions')
        .select(rowid.as('id'))
        .where('plugin_id', '=', pluginId)
        .orderBy(rowid, 'desc')
        .limit(keptVersions),
    )
    .execute();
}

/** Forgets what {@link pushVersion} kept last. */
export async function popVersion(trx: Transaction<Database>, pluginId: string): Promise<void> {
  await trx
    .deleteFrom('plugin_versions')
    .where(rowid, '=', (query) =>
      query
        .selectFrom('plugin_versions')
        .select(sql<number>`max(rowid)`.as('id'))
        .where('plugin_id', '=', pluginId),
    )
    .execute();
}
