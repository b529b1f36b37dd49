import type { HookName } from '@omniroute/shared/hook';
import type { HookCounts } from '@omniroute/shared/analytics';
import { LatencyHistogram } from './latency-histogram.ts';

/** What goes into `plugin_metrics`. */
export interface HookTotals {
  plugin: string;
  hook: HookName;
  calls: number;
  errors: number;
  totalDurationMs: number;
  /** Epoch milliseconds; null where nothing was called. */
  lastCalledAt: number | null;
}

/** The calls of one hook in one minute. */
export interface HookCell extends HookTotals, HookCounts {
  /** Epoch milliseconds of its beginning. */
  minute: number;
  histogram: LatencyHistogram;
}

export function newCell(plugin: string, hook: HookName, minute: number): HookCell {
  return {
    plugin,
    hook,
    minute,
    calls: 0,
    errors: 0,
    timeouts: 0,
    blocks: 0,
    bypasses: 0,
    refusals: 0,
    totalDurationMs: 0,
    lastCalledAt: null,
    histogram: new LatencyHistogram(),
  };
}

/** Adds `later` to `cell`. */
export function mergeCell(cell: HookCell, later: HookCell): void {
  mergeTotals(cell, later);
  cell.timeouts += later.timeouts;
  cell.blocks += later.blocks;
  cell.bypasses += later.bypasses;
  cell.refusals += later.refusals;
  cell.histogram.merge(later.histogram);
}

export function mergeTotals(totals: HookTotals, later: HookTotals): void {
  totals.calls += later.calls;
  totals.errors += later.errors;
  totals.totalDurationMs += later.totalDurationMs;
  totals.lastCalledAt = later.lastCalledAt ?? totals.lastCalledAt;
}
