import type { ProcessFault } from '@omniroute/shared/process-fault';

export interface ProcessExit {
  code: number | null;
  signal: string | null;
  /** The fault that ended the process; null where it ended for a reason of its own. */
  fault: ProcessFault | null;
  /** Whether a layer around it has failed, so that the plugin has not run at all. */
  isLayerFailure: boolean;
  /** One sentence: what the service saw, with the last of stderr. */
  reason: string;
}

/** A process that did not come as far as to answer its handshake. */
export class StartError extends Error {
  readonly exit: ProcessExit;

  constructor(message: string, exit: ProcessExit, cause: unknown) {
    super(message, { cause });
    this.name = 'StartError';
    this.exit = { ...exit, reason: message };
  }
}

export function describeExit(code: number | null, signal: string | null): string {
  return signal ? `the process was ended by ${signal}` : `the process exited with code ${code ?? 'unknown'}`;
}
