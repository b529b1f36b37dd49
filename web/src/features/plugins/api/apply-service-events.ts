import type { ServiceEvent } from '@omniroute/shared/event';
import type { LogLine } from '@omniroute/shared/plugin';
import type { QueryClient } from '@tanstack/react-query';
import { invalidatePlugin, pluginLogsQuery, shownLogLines } from './plugin-queries.ts';

/** Brings what was read of the plugins up to date with `events`. */
export function applyServiceEvents(queryClient: QueryClient, events: ServiceEvent[]) {
  const changed = new Set<string>();
  const lines = new Map<string, LogLine[]>();
  for (const event of events) {
    if (event.topic === 'plugins') changed.add(event.name);
    else lines.set(event.name, [...(lines.get(event.name) ?? []), event.line]);
  }
  for (const name of changed) void invalidatePlugin(queryClient, name);
  for (const [name, added] of lines) appendLogLines(queryClient, name, added);
}

function appendLogLines(queryClient: QueryClient, name: string, added: LogLine[]) {
  const { queryKey } = pluginLogsQuery(name);
  const state = queryClient.getQueryState(queryKey);
  if (state === undefined) return;
  const lines = queryClient.getQueryData(queryKey)?.lines;
  const newest = lines?.at(-1)?.time ?? '';
  // A read may hold a part of the lines that events tell of, too: their time says which, unless it is the same.
  const isUnclear = state.fetchStatus === 'fetching' || added.some(({ time }) => time === newest);
  if (lines === undefined || isUnclear) void queryClient.invalidateQueries({ queryKey });
  else {
    const later = added.filter(({ time }) => time > newest);
    queryClient.setQueryData(queryKey, { lines: [...lines, ...later].slice(-shownLogLines) });
  }
}
