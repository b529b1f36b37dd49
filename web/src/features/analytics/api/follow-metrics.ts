import type { ServiceEvent } from '@omniroute/shared/event';
import type { QueryClient } from '@tanstack/react-query';
import { overviewQuery, pluginFailuresQuery, pluginMetricsQuery } from './analytics-queries.ts';

const everyMs = 2_000;

/** Reads the figures on the page again when more was counted, at most every two seconds. */
export function followMetrics(queryClient: QueryClient) {
  const changed = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let readAt = Number.NEGATIVE_INFINITY;

  function read() {
    timer = undefined;
    readAt = performance.now();
    void queryClient.invalidateQueries({ queryKey: overviewQuery().queryKey });
    for (const name of changed) {
      void queryClient.invalidateQueries({ queryKey: pluginMetricsQuery(name).queryKey });
      void queryClient.invalidateQueries({ queryKey: pluginFailuresQuery(name).queryKey });
    }
    changed.clear();
  }

  return {
    apply(events: ServiceEvent[]) {
      for (const event of events) {
        if (event.topic === 'metrics') for (const name of event.names) changed.add(name);
      }
      if (changed.size > 0) timer ??= setTimeout(read, Math.max(0, readAt + everyMs - performance.now()));
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
