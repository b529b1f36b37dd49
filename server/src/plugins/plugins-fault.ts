import { PluginError, storageProblem } from '../errors.ts';
import { HookCallError } from '../plugin-process/hook-call-error.ts';
import { StartError } from '../plugin-process/process-exit.ts';

/**
 * Whether a plugin did not start for what it is: its process was started and ended or did not answer, a lifecycle hook
 * failed, or its files are not what they should be. Not where the machine or the service kept it from starting.
 */
export function isPluginsFault(error: unknown): boolean {
  if (!(error instanceof Error) || storageProblem(error) !== null) return false;
  if (error instanceof StartError) return true;
  if (error instanceof HookCallError) return error.failure !== 'CANCELLED';
  if (error instanceof PluginError && error.code === 'INVALID_MANIFEST') return true;
  return isPluginsFault(error.cause);
}
