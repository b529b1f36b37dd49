import type { PluginDetail } from '@omniroute/shared/plugin';
import { FactList } from '../../../components/ui/fact-list.tsx';
import { Panel } from '../../../components/ui/panel.tsx';
import { formatBytes, formatDateTime, formatDuration } from '../../../lib/format.ts';
import { ProcessState } from './process-state.tsx';
import { faultWords } from './words.ts';

export function PluginFacts({ plugin }: { plugin: PluginDetail }) {
  const { process } = plugin;
  return (
    <Panel title="Facts">
      <FactList
        facts={[
          ['Process', <ProcessState key="process" process={process} />],
          ['Pid', process.pid ?? '–'],
          ['Uptime', process.uptimeMs === null ? '–' : formatDuration(process.uptimeMs)],
          ['Memory (PSS)', process.memoryBytes === null ? '–' : formatBytes(process.memoryBytes)],
          ['Restarts', process.restarts],
          ...(process.lastExit === null ? [] : [['Last exit', exitWords(process.lastExit)] as const]),
          ['Installed', formatDateTime(plugin.installedAt)],
          ['Last activated', plugin.activatedAt === null ? 'never' : formatDateTime(plugin.activatedAt)],
          ['Source', plugin.source],
          ['Author', plugin.author ?? '–'],
          ['License', plugin.license],
          ...(plugin.previousVersion === undefined
            ? []
            : [['Previous version', plugin.previousVersion] as const]),
          ['Folder', plugin.pluginDir],
        ]}
      />
    </Panel>
  );
}

/** When, and why: the lines of stderr that follow the reason are in the log. */
function exitWords({ at, fault, reason }: NonNullable<PluginDetail['process']['lastExit']>): string {
  const [first = ''] = reason.split('\n', 1);
  const why = fault === null ? first : `${faultWords[fault]}: ${first}`;
  return `${formatDateTime(at)}: ${why}`;
}
