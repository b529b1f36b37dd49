import { Stack, Text } from '@mantine/core';
import type { FetchCounts, PluginDetail } from '@omniroute/shared/plugin';
import { Panel } from '../../../components/ui/panel.tsx';
import { formatBytes, formatCount, formatDateTime, formatNumber } from '../../../lib/format.ts';
import classes from './plugin-network.module.css';

/** What the plugin asked for by `fetch` since the service started, and whom. Nothing for one that may not, and did not. */
export function PluginNetwork({ plugin }: { plugin: PluginDetail }) {
  const { fetches } = plugin.process;
  if (fetches.requests === 0 && !plugin.permissions.includes('network')) return null;
  return (
    <Panel title="Network">
      <Stack gap={10}>
        <Text size="sm" c="dimmed">
          {fetches.requests === 0
            ? 'It has not asked for anything since the service started.'
            : totals(fetches)}
        </Text>
        <ul className={classes['hosts']}>
          {fetches.hosts.map((host) => (
            <li key={host.host}>
              <Text size="sm" fw={600}>
                {host.host}
              </Text>
              <Text size="sm" c="dimmed">
                {formatCount(host.requests, 'request')}, {formatNumber(host.failed)} failed, last{' '}
                {formatDateTime(host.lastAt)}
                {host.lastFailure !== null && `. Last failure: ${host.lastFailure}`}
              </Text>
            </li>
          ))}
        </ul>
      </Stack>
    </Panel>
  );
}

function totals({ requests, failed, bytesSent, bytesReceived }: FetchCounts): string {
  return `${formatCount(requests, 'request')}, ${formatNumber(failed)} failed; ${formatBytes(bytesSent)} sent, ${formatBytes(bytesReceived)} received.`;
}
