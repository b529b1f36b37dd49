import { setImmediate } from 'node:timers/promises';
import type { AnalyticsInput, EventTotals, RecordedCall } from '@omniroute/shared/analytics';
import { hookNameSchema } from '@omniroute/shared/hook';
import { type Kysely, type RawBuilder, type Selectable, sql } from 'kysely';
import { booleanColumn } from '../database/column.ts';
import { transactionAtOnce } from '../database/patient-driver.ts';
import type { Database } from '../database/schema.ts';
import { type HookCell, type HookTotals, mergeCell } from './hook-cell.ts';
import type { Batch, CallSample } from './hook-recorder.ts';
import { LatencyHistogram } from './latency-histogram.ts';

/** So many rows are written, deleted or read before others get their turn. */
export const rowsPerTurn = 250;

interface MinuteFilter {
  plugin?: string;
  hook?: string | undefined;
  /** Epoch milliseconds, both inclusive. */
  from: number;
  to: number;
}

/** The `plugin_metrics`, `plugin_analytics` and `plugin_hook_minutes` tables. Rows never leave it. */
export class AnalyticsRepository {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /**
   * Adds a batch to what is stored, all of it or nothing. What belongs to plugins that are not installed is left out.
   *
   * @returns the names of the plugins that the batch was about and that are installed
   */
  async add({ cells, totals, samples }: Batch): Promise<Set<string>> {
    return transactionAtOnce(this.#db, async (trx) => {
      const installed = await namesOf(
        trx,
        new Set([...cells, ...totals, ...samples].map((row) => row.plugin)),
      );
      const isKnown = ({ plugin }: { plugin: string }) => installed.has(plugin);
      for (const cell of cells.filter(isKnown)) {
        await addMinute(trx, cell);
        if (cell.calls > 0) await addTotals(trx, cell);
      }
      for (const total of totals.filter(isKnown)) await addTotals(trx, total);
      const rows = samples.filter(isKnown).map(toCallRow);
      if (rows.length > 0) await trx.insertInto('plugin_analytics').values(rows).execute();
      return installed;
    });
  }

  async isInstalled(plugin: string): Promise<boolean> {
    return (await namesOf(this.#db, new Set([plugin]))).size > 0;
  }

  async installed(): Promise<string[]> {
    const rows = await this.#db.selectFrom('plugins').select('name').orderBy('name').execute();
    return rows.map(({ name }) => name);
  }

  async totals(plugin: string): Promise<EventTotals[]> {
    const rows = await this.#db
      .selectFrom('plugin_metrics')
      .selectAll()
      .where('plugin_name', '=', plugin)
      .orderBy('event')
      .execute();
    return rows.map((row) => ({
      event: hookNameSchema.parse(row.event),
      calls: row.calls,
      errors: row.errors,
      totalDurationMs: row.total_duration_ms,
      averageMs: row.calls === 0 ? 0 : row.total_duration_ms / row.calls,
      lastCalledAt: row.last_called_at,
    }));
  }

  /** The newest recorded calls of a plugin. */
  async calls(input: AnalyticsInput, { from, to }: MinuteFilter): Promise<RecordedCall[]> {
    let query = this.#db
      .selectFrom('plugin_analytics')
      .selectAll()
      .where('plugin_name', '=', input.name)
      .where('created_at', '>=', toIso(from))
      .where('created_at', '<=', toIso(to))
      .orderBy('id', 'desc')
      .limit(input.limit);
    if (input.hook !== undefined) query = query.where('hook', '=', input.hook);
    // As a literal: the index of the failures is for `success = 0` only.
    if (input.success !== undefined) {
      query = query.where('success', '=', sql.lit(booleanColumn.write(input.success)));
    }
    return (await query.execute()).map((row) => ({
      hook: hookNameSchema.parse(row.hook),
      durationMs: row.duration_ms,
      success: booleanColumn.read(row.success),
      error: row.error_message,
      at: row.created_at,
    }));
  }

  /** The minutes in a span of time, oldest first. Others get their turn while it reads. */
  async *minutes({ plugin, hook, from, to }: MinuteFilter): AsyncGenerator<HookCell, void> {
    let query = this.#db
      .selectFrom('plugin_hook_minutes')
      .selectAll()
      .where('minute', '<=', toIso(to))
      .orderBy('minute')
      .orderBy('plugin_name')
      .orderBy('hook')
      .limit(rowsPerTurn);
    // The plus keeps SQLite from the primary key, by which it would read the plugin's minutes of all times at each turn.
    if (plugin !== undefined) query = query.where(sql`+plugin_name`, '=', plugin);
    if (hook !== undefined) query = query.where('hook', '=', hook);
    let last = { minute: toIso(from), plugin_name: '', hook: '' };
    for (;;) {
      const { minute, plugin_name, hook: name } = last;
      const rows = await query
        .where(sql<boolean>`(minute, plugin_name, hook) > (${minute}, ${plugin_name}, ${name})`)
        .execute();
      yield* rows.map(toCell);
      const end = rows.at(-1);
      if (end === undefined || rows.length < rowsPerTurn) return;
      last = end;
      await setImmediate();
    }
  }

  /** Deletes calls and minutes from before `cutoff`, as many as fit into one turn. Returns how many it was. */
  async deleteBefore(cutoff: Date): Promise<number> {
    const before = cutoff.toISOString();
    return transactionAtOnce(
      this.#db,
      async (trx) =>
        (await deleteSome(trx, 'plugin_analytics', sql`created_at < ${before}`)) +
        (await deleteSome(trx, 'plugin_hook_minutes', sql`minute < ${before}`)),
    );
  }

  /** The id of the newest call that is one too many where `kept` may stay; null where none is. */
  async newestBeyond(kept: number): Promise<number | null> {
    const row = await this.#db
      .selectFrom('plugin_analytics')
      .select('id')
      .orderBy('id', 'desc')
      .offset(kept)
      .limit(1)
      .executeTakeFirst();
    return row?.id ?? null;
  }

  /** Deletes calls up to this id, as many as fit into one turn. Returns how many it was. */
  async deleteUpTo(id: number): Promise<number> {
    return transactionAtOnce(this.#db, (trx) => deleteSome(trx, 'plugin_analytics', sql`id <= ${id}`));
  }

  /** Deletes what is stored of a plugin, as many rows of each table as fit into one turn. Returns how many it was. */
  async deletePlugin(plugin: string): Promise<number> {
    return transactionAtOnce(
      this.#db,
      async (trx) =>
        (await deleteSome(trx, 'plugin_analytics', sql`plugin_name = ${plugin}`)) +
        (await deleteSome(trx, 'plugin_hook_minutes', sql`plugin_name = ${plugin}`)) +
        (await deleteSome(trx, 'plugin_metrics', sql`plugin_name = ${plugin}`)),
    );
  }
}

async function namesOf(db: Kysely<Database>, names: ReadonlySet<string>): Promise<Set<string>> {
  const rows = await db
    .selectFrom('plugins')
    .select('name')
    .where('name', 'in', [...names])
    .execute();
  return new Set(rows.map(({ name }) => name));
}

/** Deletes as many rows as fit into one turn. Returns how many it was. */
async function deleteSome(
  trx: Kysely<Database>,
  table: 'plugin_analytics' | 'plugin_hook_minutes' | 'plugin_metrics',
  condition: RawBuilder<unknown>,
): Promise<number> {
  const { numAffectedRows } = await sql`
    DELETE FROM ${sql.table(table)} WHERE rowid IN
      (SELECT rowid FROM ${sql.table(table)} WHERE ${condition} LIMIT ${sql.lit(rowsPerTurn)})
  `.execute(trx);
  return Number(numAffectedRows ?? 0);
}

/** Adds to the minute that is stored, of a service that ran earlier in it, say. */
async function addMinute(trx: Kysely<Database>, cell: HookCell): Promise<void> {
  const stored = await trx
    .selectFrom('plugin_hook_minutes')
    .selectAll()
    .where('plugin_name', '=', cell.plugin)
    .where('hook', '=', cell.hook)
    .where('minute', '=', toIso(cell.minute))
    .executeTakeFirst();
  const sum = stored === undefined ? cell : toCell(stored);
  if (sum !== cell) mergeCell(sum, cell);
  await trx.replaceInto('plugin_hook_minutes').values(toMinuteRow(sum)).execute();
}

async function addTotals(trx: Kysely<Database>, totals: HookTotals): Promise<void> {
  const { calls, errors, totalDurationMs, lastCalledAt } = totals;
  await trx
    .insertInto('plugin_metrics')
    .values({
      plugin_name: totals.plugin,
      event: totals.hook,
      calls,
      errors,
      total_duration_ms: totalDurationMs,
      last_called_at: lastCalledAt === null ? null : toIso(lastCalledAt),
    })
    .onConflict((conflict) =>
      conflict.columns(['plugin_name', 'event']).doUpdateSet((eb) => ({
        calls: eb('plugin_metrics.calls', '+', eb.ref('excluded.calls')),
        errors: eb('plugin_metrics.errors', '+', eb.ref('excluded.errors')),
        total_duration_ms: eb('plugin_metrics.total_duration_ms', '+', eb.ref('excluded.total_duration_ms')),
        last_called_at: eb.ref('excluded.last_called_at'),
      })),
    )
    .execute();
}

function toMinuteRow(cell: HookCell): Selectable<Database['plugin_hook_minutes']> {
  return {
    plugin_name: cell.plugin,
    hook: cell.hook,
    minute: toIso(cell.minute),
    calls: cell.calls,
    errors: cell.errors,
    timeouts: cell.timeouts,
    blocks: cell.blocks,
    bypasses: cell.bypasses,
    refusals: cell.refusals,
    total_duration_ms: cell.totalDurationMs,
    histogram: cell.histogram.toJson(),
  };
}

function toCell(row: Selectable<Database['plugin_hook_minutes']>): HookCell {
  return {
    plugin: row.plugin_name,
    hook: hookNameSchema.parse(row.hook),
    minute: Date.parse(row.minute),
    calls: row.calls,
    errors: row.errors,
    timeouts: row.timeouts,
    blocks: row.blocks,
    bypasses: row.bypasses,
    refusals: row.refusals,
    totalDurationMs: row.total_duration_ms,
    lastCalledAt: null,
    histogram: LatencyHistogram.fromJson(row.histogram),
  };
}

function toCallRow({ plugin, hook, durationMs, error, at }: CallSample) {
  return {
    plugin_name: plugin,
    hook,
    duration_ms: durationMs,
    success: booleanColumn.write(error === null),
    error_message: error,
    created_at: toIso(at),
  };
}

function toIso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
