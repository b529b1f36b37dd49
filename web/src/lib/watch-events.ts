import type { EventTopic, ServiceEvent } from '@omniroute/shared/event';
import { trpcClient } from './trpc.ts';

const retryAfterMs = 2_000;
const gatherMs = 100;

interface Watch {
  topics: EventTopic[];
  /** Events of a tenth of a second at a time: a chatty plugin must not redraw the page for every line. */
  onEvents: (events: ServiceEvent[]) => void;
  /** What was read may be out of date, for want of a connection until now: read everything again. */
  onStale: () => void;
  onConnectedChange: (connected: boolean) => void;
}

/**
 * Watches the service's events until the returned function is called. The browser reconnects a broken stream by itself;
 * one that the service ended or refused is opened anew here.
 */
export function watchEvents({ topics, onEvents, onStale, onConnectedChange }: Watch): () => void {
  const gathered: ServiceEvent[] = [];
  // What was read before the first connection may be out of date by then.
  let interrupted = true;
  let closed = false;
  let gathering: ReturnType<typeof setTimeout> | undefined;
  let retrying: ReturnType<typeof setTimeout> | undefined;
  let subscription = open();

  function open() {
    return trpcClient.events.stream.subscribe(
      { topics },
      {
        onData: gather,
        onConnectionStateChange: ({ state, error }) => {
          if (state === 'pending') up();
          else if (state === 'connecting' && error !== null) down();
        },
        onError: reopenLater,
        onComplete: reopenLater,
      },
    );
  }

  function gather({ data }: { data: ServiceEvent }) {
    gathered.push(data);
    gathering ??= setTimeout(() => {
      gathering = undefined;
      onEvents(gathered.splice(0));
    }, gatherMs);
  }

  function up() {
    onConnectedChange(true);
    if (interrupted) onStale();
    interrupted = false;
  }

  function down() {
    interrupted = true;
    onConnectedChange(false);
  }

  function reopenLater() {
    if (closed) return;
    down();
    // Also tells whether the session has lapsed: the stream itself does not say why it was refused.
    onStale();
    clearTimeout(retrying);
    retrying = setTimeout(() => {
      subscription.unsubscribe();
      subscription = open();
    }, retryAfterMs);
  }

  return () => {
    closed = true;
    clearTimeout(gathering);
    clearTimeout(retrying);
    subscription.unsubscribe();
  };
}
