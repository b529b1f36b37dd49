import type { Kysely } from 'kysely';
import { z } from 'zod';
import type { Database } from '../database/schema.ts';
import type { Runtime } from '../runtime.ts';

const operationKinds = ['install', 'upgrade', 'uninstall'] as const;
export type OperationKind = (typeof operationKinds)[number];

/** `staging`: nothing is in place. `placing`: it may be. `placed`: the new files are. `trashed`: the old ones are gone. */
const operationPhases = ['staging', 'placing', 'placed', 'trashed'] as const;
export type OperationPhase = (typeof operationPhases)[number];

const operationSchema = z.object({
  id: z.string(),
  kind: z.enum(operationKinds),
  plugin: z.string(),
  phase: z.enum(operationPhases),
  createdAt: z.string(),
});
export type Operation = z.infer<typeof operationSchema>;

/** The journal of operations that move files: start-up settles what it still holds. */
export class OperationRepository {
  readonly #db: Kysely<Database>;
  readonly #runtime: Runtime;

  constructor(db: Kysely<Database>, runtime: Runtime) {
    this.#db = db;
    this.#runtime = runtime;
  }

  async begin(
    kind: OperationKind,
    plugin: string,
    versions: { from?: string; to?: string },
  ): Promise<string> {
    const id = this.#runtime.newId();
    const now = this.#runtime.now().toISOString();
    await this.#db
      .insertInto('operations')
      .values({
        id,
        kind,
        plugin_name: plugin,
        from_version: versions.from ?? null,
        to_version: versions.to ?? null,
        phase: 'staging',
        created_at: now,
        updated_at: now,
      })
      .execute();
    return id;
  }

  async reach(id: string, phase: OperationPhase): Promise<void> {
    const updated_at = this.#runtime.now().toISOString();
    await this.#db.updateTable('operations').set({ phase, updated_at }).where('id', '=', id).execute();
  }

  async end(id: string): Promise<void> {
    await this.#db.deleteFrom('operations').where('id', '=', id).execute();
  }

  async unfinished(): Promise<Operation[]> {
    const rows = await this.#db
      .selectFrom('operations')
      .select(['id', 'kind', 'plugin_name as plugin', 'phase', 'created_at as createdAt'])
      .orderBy('created_at')
      .execute();
    return rows.map((row) => operationSchema.parse(row));
  }
}
