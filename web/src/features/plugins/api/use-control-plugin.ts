import type { PluginSummary } from '@omniroute/shared/plugin';
import { appError } from '../../../lib/app-error.ts';
import { useActivatePlugin } from './use-activate-plugin.ts';
import { useDeactivatePlugin } from './use-deactivate-plugin.ts';
import { useRestartPlugin } from './use-restart-plugin.ts';

/** Switches one plugin; `failures` are the reasons to show beside it, the kept one and that of the last call. */
export function useControlPlugin({ name, status, errorMessage }: PluginSummary) {
  const activate = useActivatePlugin();
  const deactivate = useDeactivatePlugin();
  const restart = useRestartPlugin();
  const last =
    [activate, deactivate, restart].toSorted((a, b) => b.submittedAt - a.submittedAt)[0] ?? activate;
  const outdated = last === activate && status === 'active';
  const refusal = last.error === null || outdated ? null : appError(last.error).message;

  return {
    activate: () => activate.mutate({ name }),
    deactivate: () => deactivate.mutate({ name }),
    restart: () => restart.mutate({ name }),
    activating: activate.isPending,
    deactivating: deactivate.isPending,
    restarting: restart.isPending,
    busy: last.isPending,
    failures: last.isPending ? [] : distinctReasons(errorMessage, refusal),
  };
}

/** The answer of a failed activation repeats what the plugin then keeps as its reason: the longer one says it all. */
function distinctReasons(kept: string | null, refusal: string | null): string[] {
  const reasons = [kept, refusal].filter((reason) => reason !== null);
  return reasons.filter(
    (reason, index) =>
      !reasons.some(
        (other, at) => at !== index && other.includes(reason) && (other !== reason || at < index),
      ),
  );
}
