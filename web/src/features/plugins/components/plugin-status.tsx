import type { PluginSummary } from '@omniroute/shared/plugin';
import { StatusBadge } from '../../../components/ui/status-badge.tsx';
import { ProcessState } from './process-state.tsx';

/** The status of a plugin, and beside it what its process does, where a process is meant to run. */
export function PluginStatus({ plugin: { status, enabled, process } }: { plugin: PluginSummary }) {
  const isMeantToRun = status === 'active' || (enabled && process.state !== 'stopped');
  return (
    <StatusBadge
      status={status}
      warning={status === 'active' && process.state !== 'running'}
      {...(isMeantToRun ? { note: <ProcessState process={process} /> } : {})}
    />
  );
}
