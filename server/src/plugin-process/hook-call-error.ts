import type { ProcessFault } from '@omniroute/shared/process-fault';

/** Why a hook call has no result. */
export type HookCallFailure =
  | 'THROW'
  | 'TIMEOUT'
  | 'INVALID_RETURN'
  | 'OVERLOADED'
  | 'NOT_RUNNING'
  | 'EXITED'
  | 'CANCELLED';

export class HookCallError extends Error {
  readonly failure: HookCallFailure;
  /** The plugin's own stack, for its log. */
  readonly pluginStack: string | undefined;
  /** The limit that refused the call. */
  readonly fault: ProcessFault | undefined;

  constructor(
    failure: HookCallFailure,
    message: string,
    { pluginStack, fault }: { pluginStack?: string; fault?: ProcessFault } = {},
  ) {
    super(message);
    this.name = 'HookCallError';
    this.failure = failure;
    this.pluginStack = pluginStack;
    this.fault = fault;
  }
}
