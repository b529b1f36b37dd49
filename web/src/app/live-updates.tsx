import { useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, use, useEffect, useState } from 'react';
import { followMetrics } from '../features/analytics/api/follow-metrics.ts';
import { applyServiceEvents } from '../features/plugins/api/apply-service-events.ts';
import { watchEvents } from '../lib/watch-events.ts';

const ConnectedContext = createContext(true);

/** Whether the live stream is up, so that what the page shows is current. */
export const useConnected = () => use(ConnectedContext);

/** The one subscription of this tab: browsers allow a page six connections to a host. */
export function LiveUpdates({ children }: { children: ReactNode }) {
  const queryClient = useQueryClient();
  const [connected, setConnected] = useState(true);

  useEffect(() => {
    const metrics = followMetrics(queryClient);
    const stopWatching = watchEvents({
      topics: ['plugins', 'logs', 'metrics'],
      onEvents: (events) => {
        applyServiceEvents(queryClient, events);
        metrics.apply(events);
      },
      onStale: () => void queryClient.invalidateQueries(),
      onConnectedChange: setConnected,
    });
    return () => {
      stopWatching();
      metrics.stop();
    };
  }, [queryClient]);

  return <ConnectedContext value={connected}>{children}</ConnectedContext>;
}
