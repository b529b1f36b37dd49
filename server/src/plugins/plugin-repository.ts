import { hookNameSchema } from '@omniroute/shared/hook';
import { manifestSchema } from '@omniroute/shared/manifest';
import { permissionSchema } from '@omniroute/shared/permission';
import { pluginStatusSchema } from '@omniroute/shared/plugin';
import { configSchema, pluginConfigSchemaSchema } from '@omniroute/shared/plugin-config';
import type { Insertable, Kysely, Selectable, Transaction } from 'kysely';
import { z } from 'zod';
import { booleanColumn, jsonColumn } from '../database/column.ts';
import type { Database } from '../database/schema.ts';
import { messageOf, storageProblem } from '../errors.ts';
import { type PhaseChange, reachPhase } from './operation-repository.ts';
import { newRecord, type PluginGrant, type PluginRecord } from './plugin-record.ts';
import type { PluginVersion } from './plugin-version.ts';
import { popVersion, pushVersion } from './plugin-version-repository.ts';

type Row = Selectable<Database['plugins']>;

const stringsColumn = jsonColumn(z.array(z.string()));
const permissionsColumn = jsonColumn(z.array(permissionSchema));
const hooksColumn = jsonColumn(z.array(hookNameSchema));
const manifestColumn = jsonColumn(manifestSchema);
const configColumn = jsonColumn(configSchema);
const configSchemaColumn = jsonColumn(pluginConfigSchemaSchema);
const sourceSchema = z.enum(['local', 'marketplace']);

const text = z.string();
/** A plugin's row and its grant, as the columns are: whatever they hold is put back as it was. */
const keptColumn = jsonColumn(
  z.object({
    plugin: z.object({
      id: text,
      name: text,
      version: text,
      description: text.nullable(),
      author: text.nullable(),
      license: text,
      main: text,
      source: text,
      tags: text,
      status: text,
      enabled: z.number(),
      manifest: text,
      config: text,
      config_schema: text,
      hooks: text,
      permissions: text,
      plugin_dir: text,
      error_message: text.nullable(),
      installed_at: text,
      updated_at: text,
      activated_at: text.nullable(),
    }),
    grant: z
      .object({
        plugin_id: text,
        permissions: text,
        read_paths: text,
        write_paths: text,
        hosts: text,
        env: text,
        granted_at: text,
      })
      .nullable(),
  }),
);

/** The `plugins` and `plugin_grants` tables. Rows never leave it. */
export class PluginRepository {
  readonly #db: Kysely<Database>;
  /** By plugin id, why plugins are in `error` whose rows could not be told. */
  readonly #unsaved = new Map<string, string | null>();

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  async list(): Promise<PluginRecord[]> {
    const rows = await this.#db.selectFrom('plugins').selectAll().orderBy('name').execute();
    return rows.map((row) => this.#read(row));
  }

  async find(name: string): Promise<PluginRecord | undefined> {
    const row = await this.#db.selectFrom('plugins').selectAll().where('name', '=', name).executeTakeFirst();
    return row && this.#read(row);
  }

  /** Inserts the plugin, together with what the operator agreed to, if that is known already. */
  async insert(record: PluginRecord, grant: PluginGrant | null, reached?: PhaseChange): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      await trx.insertInto('plugins').values(toRow(record)).execute();
      if (grant) await trx.insertInto('plugin_grants').values(toGrantRow(record, grant)).execute();
      if (reached) await reachPhase(trx, reached, record.updatedAt);
    });
  }

  /** Writes every column of the plugin with this id. */
  async save(record: PluginRecord, grant?: PluginGrant, reached?: PhaseChange): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      await update(trx, record, grant);
      if (reached) await reachPhase(trx, reached, record.updatedAt);
    });
    this.#unsaved.delete(record.id);
  }

  /**
   * Writes down that a plugin is in `error`. Where the disk or the database takes no writes, it is remembered until the
   * next {@link save}: what is read is what is so.
   */
  async saveFailure(record: PluginRecord): Promise<void> {
    try {
      await this.save(record);
    } catch (error) {
      if (storageProblem(error) === null) throw error;
      this.#unsaved.set(record.id, record.errorMessage);
    }
  }

  /** The plugin is another version from here on; what it was before is kept beside it. */
  async replaceVersion(
    installed: PluginRecord,
    next: PluginRecord,
    { grant, left, reached }: { grant: PluginGrant; left: PluginVersion; reached: PhaseChange },
  ): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      await keepRow(trx, reached.operation, installed);
      await update(trx, next, grant);
      await pushVersion(trx, next.id, left);
      await reachPhase(trx, reached, next.updatedAt);
    });
    this.#unsaved.delete(next.id);
  }

  /** Takes {@link replaceVersion} back: the plugin and its grant are what they were, but that it does not run. */
  async restoreVersion(reached: PhaseChange, now: string): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      const kept = await keptRow(trx, reached.operation);
      if (kept) {
        const { id, ...columns } = kept.plugin;
        await trx
          .updateTable('plugins')
          .set({ ...columns, updated_at: now })
          .where('id', '=', id)
          .execute();
        await trx.deleteFrom('plugin_grants').where('plugin_id', '=', id).execute();
        if (kept.grant) await trx.insertInto('plugin_grants').values(kept.grant).execute();
        await popVersion(trx, id);
      }
      await reachPhase(trx, reached, now);
    });
  }

  async delete(id: string, reached?: PhaseChange & { at: string }): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      await trx.deleteFrom('plugins').where('id', '=', id).execute();
      if (reached) await reachPhase(trx, reached, reached.at);
    });
  }

  async grant(id: string): Promise<PluginGrant | null> {
    const row = await this.#db
      .selectFrom('plugin_grants')
      .selectAll()
      .where('plugin_id', '=', id)
      .executeTakeFirst();
    if (!row) return null;
    return {
      permissions: permissionsColumn.read(row.permissions),
      readPaths: stringsColumn.read(row.read_paths),
      writePaths: stringsColumn.read(row.write_paths),
      hosts: stringsColumn.read(row.hosts),
      env: stringsColumn.read(row.env),
    };
  }

  #read(row: Row): PluginRecord {
    const record = toRecord(row);
    const errorMessage = this.#unsaved.get(row.id);
    return errorMessage === undefined ? record : { ...record, status: 'error', errorMessage };
  }
}

/** Keeps a plugin's row and grant beside the operation that changes them. */
async function keepRow(
  trx: Transaction<Database>,
  operation: string,
  installed: PluginRecord,
): Promise<void> {
  const status = installed.status === 'active' ? ('inactive' as const) : installed.status;
  const grant = await trx
    .selectFrom('plugin_grants')
    .selectAll()
    .where('plugin_id', '=', installed.id)
    .executeTakeFirst();
  const kept = keptColumn.write({ plugin: toRow({ ...installed, status }), grant: grant ?? null });
  await trx.updateTable('operations').set({ kept }).where('id', '=', operation).execute();
}

async function keptRow(trx: Transaction<Database>, operation: string) {
  const row = await trx
    .selectFrom('operations')
    .select('kept')
    .where('id', '=', operation)
    .executeTakeFirst();
  return row?.kept ? keptColumn.read(row.kept) : null;
}

async function update(
  trx: Transaction<Database>,
  record: PluginRecord,
  grant: PluginGrant | undefined,
): Promise<void> {
  const { id, ...columns } = toRow(record);
  await trx.updateTable('plugins').set(columns).where('id', '=', id).execute();
  if (grant) await trx.replaceInto('plugin_grants').values(toGrantRow(record, grant)).execute();
}

/**
 * One row that cannot be read must not hide the others: it is in `error`, with its config if that can be read, and can be
 * activated from its folder, installed again or uninstalled.
 */
function toRecord(row: Row): PluginRecord {
  try {
    return parseRow(row);
  } catch (error) {
    const manifest = manifestSchema.parse({ name: row.name, version: row.version });
    const { id, plugin_dir: pluginDir, installed_at: now } = row;
    return {
      ...newRecord(manifest, { id, pluginDir, now }),
      status: 'error',
      enabled: row.enabled === 1,
      config: readOr({}, () => configColumn.read(row.config)),
      configSchema: readOr({}, () => configSchemaColumn.read(row.config_schema)),
      errorMessage: `Its record in the database cannot be read (${messageOf(error)}). Activate it, install it again, or uninstall it.`,
    };
  }
}

/** What `read` reads, or what stands in for it where it throws. */
function readOr<T>(instead: T, read: () => T): T {
  try {
    return read();
  } catch {
    return instead;
  }
}

function parseRow(row: Row): PluginRecord {
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    description: row.description,
    author: row.author,
    license: row.license,
    main: row.main,
    source: sourceSchema.parse(row.source),
    tags: stringsColumn.read(row.tags),
    status: pluginStatusSchema.parse(row.status),
    enabled: booleanColumn.read(row.enabled),
    manifest: manifestColumn.read(row.manifest),
    config: configColumn.read(row.config),
    configSchema: configSchemaColumn.read(row.config_schema),
    hooks: hooksColumn.read(row.hooks),
    permissions: permissionsColumn.read(row.permissions),
    pluginDir: row.plugin_dir,
    errorMessage: row.error_message,
    installedAt: row.installed_at,
    updatedAt: row.updated_at,
    activatedAt: row.activated_at,
  };
}

function toRow(record: PluginRecord): Row {
  return {
    id: record.id,
    name: record.name,
    version: record.version,
    description: record.description,
    author: record.author,
    license: record.license,
    main: record.main,
    source: record.source,
    tags: stringsColumn.write(record.tags),
    status: record.status,
    enabled: booleanColumn.write(record.enabled),
    manifest: manifestColumn.write(record.manifest),
    config: configColumn.write(record.config),
    config_schema: configSchemaColumn.write(record.configSchema),
    hooks: hooksColumn.write(record.hooks),
    permissions: permissionsColumn.write(record.permissions),
    plugin_dir: record.pluginDir,
    error_message: record.errorMessage,
    installed_at: record.installedAt,
    updated_at: record.updatedAt,
    activated_at: record.activatedAt,
  };
}

function toGrantRow(record: PluginRecord, grant: PluginGrant): Insertable<Database['plugin_grants']> {
  return {
    plugin_id: record.id,
    permissions: permissionsColumn.write(grant.permissions),
    read_paths: stringsColumn.write(grant.readPaths),
    write_paths: stringsColumn.write(grant.writePaths),
    hosts: stringsColumn.write(grant.hosts),
    env: stringsColumn.write(grant.env),
    granted_at: record.updatedAt,
  };
}
