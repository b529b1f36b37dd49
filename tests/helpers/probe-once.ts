import { probeIsolation } from '@omniroute/server/plugin-process/isolation-probe';

let probed: ReturnType<typeof probeIsolation> | undefined;

/** Runs the canaries once for all services of a test file: the machine is the same, and they cost more than the rest of a start. */
export function probeOnce(...detected: Parameters<typeof probeIsolation>): ReturnType<typeof probeIsolation> {
  probed ??= probeIsolation(...detected);
  return probed;
}
