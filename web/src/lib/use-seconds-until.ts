import { useEffect, useState } from 'react';

const tickMs = 250;

/**
 * Whole seconds until the ISO 8601 time `iso`, counted down; null without one, once it has come, and where it is further
 * away than `maxSeconds`: the browser's clock then differs from the one that the time was taken from.
 */
export function useSecondsUntil(iso: string | undefined, maxSeconds: number): number | null {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    if (iso === undefined) return;
    const timer = setInterval(() => setNowMs(Date.now()), tickMs);
    return () => clearInterval(timer);
  }, [iso]);
  if (iso === undefined) return null;
  const seconds = Math.ceil((Date.parse(iso) - nowMs) / 1_000);
  return seconds > 0 && seconds <= maxSeconds ? seconds : null;
}
