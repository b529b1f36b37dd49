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
    if (event.topic === 'logs') lines.set(event.name, [...(lines.get(event.name) ?? []), event.line]);
  }
  for (const name of changed) void invalidatePlugin(queryClient, name);
  for (const [name, added] of lines) appendLogLines(queryClient, name, added);
}

function appendLogLines(queryClient: QueryClient, name: string, added: LogLine[]) {
  const { queryKey } = pluginLogsQuery(name);
  const state = queryClient.getQueryState(queryKey);
  if (state === undefined) return;
  const lines = queryClient.getQueryData(queryKey)?.lines;
  // A read under way may or may not hold these lines: read once more.
  if (lines === undefined || state.fetchStatus === 'fetching')
    void queryClient.invalidateQueries({ queryKey });
  else
    queryClient.setQueryData(queryKey, { lines: [...lines, ...beyond(lines, added)].slice(-shownLogLines) });
}

/**
 * The lines of `added` that `lines`, from a read or from earlier events, does not hold. By what they say and not by their
 * time alone: the service's clock may step back.
 */
function beyond(lines: LogLine[], added: LogLine[]): LogLine[] {
  const known = new Set(lines.map(keyOf));
  return added.filter((line) => !known.has(keyOf(line)));
}

function keyOf({ time, stream, text }: LogLine): string {
  return `${time} ${stream} ${text}`;
}
