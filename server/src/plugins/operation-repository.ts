import type { Kysely, Transaction } from 'kysely';
import { z } from 'zod';
import { booleanColumn, jsonColumn } from '../database/column.ts';
import type { Database } from '../database/schema.ts';
import type { Runtime } from '../runtime.ts';
import {
  type Move,
  type Operation,
  type OperationKind,
  operationKinds,
  type OperationPhase,
  operationPhases,
  places,
} from './operation.ts';

const placeSchema = z.enum(places);
const movesColumn = jsonColumn(z.array(z.tuple([placeSchema, placeSchema])));
const kindSchema = z.enum(operationKinds);
const phaseSchema = z.enum(operationPhases);

/** What is so when an operation begins. */
export interface OperationStart {
  from?: string;
  to?: string;
  hadDataDir: boolean;
}

/** An operation that reaches a phase together with what else a transaction writes. */
export interface PhaseChange {
  operation: string;
  phase: OperationPhase;
}

/** The `operations` table: the journal of operations that move files. */
export class OperationRepository {
  readonly #db: Kysely<Database>;
  readonly #runtime: Runtime;

  constructor(db: Kysely<Database>, runtime: Runtime) {
    this.#db = db;
    this.#runtime = runtime;
  }

  async insert(
    kind: OperationKind,
    plugin: string,
    { from, to, hadDataDir }: OperationStart,
  ): Promise<string> {
    const id = this.#runtime.newId();
    const now = this.#now();
    await this.#db
      .insertInto('operations')
      .values({
        id,
        kind,
        plugin_name: plugin,
        from_version: from ?? null,
        to_version: to ?? null,
        phase: 'preparing',
        moves: '[]',
        had_data_dir: booleanColumn.write(hadDataDir),
        kept: null,
        created_at: now,
        updated_at: now,
      })
      .execute();
    return id;
  }

  /** Writes down the moves that are about to be made. */
  async plan(id: string, moves: readonly Move[]): Promise<void> {
    await this.#db
      .updateTable('operations')
      .set({
        phase: 'moving',
        moves: movesColumn.write(moves.map(([from, to]) => [from, to])),
        updated_at: this.#now(),
      })
      .where('id', '=', id)
      .execute();
  }

  async reach(change: PhaseChange): Promise<void> {
    await this.#db.transaction().execute((trx) => reachPhase(trx, change, this.#now()));
  }

  async delete(id: string): Promise<void> {
    await this.#db.deleteFrom('operations').where('id', '=', id).execute();
  }

  /** The names of the plugins with an operation that has not come to its end. */
  async plugins(): Promise<string[]> {
    const rows = await this.#db.selectFrom('operations').select('plugin_name').distinct().execute();
    return rows.map((row) => row.plugin_name);
  }

  /** Takes all operations on a plugin for ended. */
  async deleteAll(plugin: string): Promise<void> {
    await this.#db.deleteFrom('operations').where('plugin_name', '=', plugin).execute();
  }

  /** Those on one plugin, oldest first. Throws what the schema has against a row. */
  async list(plugin: string): Promise<Operation[]> {
    const rows = await this.#db
      .selectFrom('operations')
      .select(['id', 'kind', 'plugin_name', 'phase', 'moves', 'had_data_dir'])
      .where('plugin_name', '=', plugin)
      .orderBy('created_at')
      .execute();
    return rows.map((row) => ({
      id: row.id,
      kind: kindSchema.parse(row.kind),
      plugin: row.plugin_name,
      phase: phaseSchema.parse(row.phase),
      moves: movesColumn.read(row.moves),
      hadDataDir: booleanColumn.read(row.had_data_dir),
    }));
  }

  #now(): string {
    return this.#runtime.now().toISOString();
  }
}

/** For repositories whose own change and the journal's must come true together. */
export async function reachPhase(
  trx: Transaction<Database>,
  { operation, phase }: PhaseChange,
  now: string,
): Promise<void> {
  await trx.updateTable('operations').set({ phase, updated_at: now }).where('id', '=', operation).execute();
}
