import type { EventTopic, ServiceEvent } from '@omniroute/shared/event';

type Listener = (event: ServiceEvent) => void;

/** What happens in the service, for the dashboards that watch it. Listeners must not throw. */
export class EventBus {
  readonly #listeners = new Map<Listener, ReadonlySet<EventTopic>>();

  publish(event: ServiceEvent): void {
    for (const [listener, topics] of this.#listeners) {
      if (topics.has(event.topic)) listener(event);
    }
  }

  /** Returns the function that ends the subscription. */
  subscribe(topics: readonly EventTopic[], listener: Listener): () => void {
    this.#listeners.set(listener, new Set(topics));
    return () => this.#listeners.delete(listener);
  }
}
