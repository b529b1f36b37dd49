import type { PluginDetail } from '@omniroute/shared/plugin';
import { FactList } from '../../../components/ui/fact-list.tsx';
import { Panel } from '../../../components/ui/panel.tsx';
import { formatBytes, formatDateTime, formatDuration } from '../../../lib/format.ts';

export function PluginFacts({ plugin }: { plugin: PluginDetail }) {
  const { process } = plugin;
  return (
    <Panel title="Facts">
      <FactList
        facts={[
          ['Process', process.state],
          ['Pid', process.pid ?? '–'],
          ['Uptime', process.uptimeMs === null ? '–' : formatDuration(process.uptimeMs)],
          ['Memory', process.memoryBytes === null ? '–' : formatBytes(process.memoryBytes)],
          ...(process.restarts > 0 ? [['Restarts', process.restarts] as const] : []),
          ...(process.nextRestartAt === undefined
            ? []
            : [['Next restart', formatDateTime(process.nextRestartAt)] as const]),
          ...(process.lastExit === null
            ? []
            : [
                ['Last exit', `${process.lastExit.reason} (${formatDateTime(process.lastExit.at)})`] as const,
              ]),
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
