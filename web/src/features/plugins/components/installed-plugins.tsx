import { Button, Skeleton } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { PluginSummary } from '@omniroute/shared/plugin';
import { IconFolderSearch, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ErrorState } from '../../../components/ui/error-state.tsx';
import { PageHeader } from '../../../components/ui/page-header.tsx';
import { appError } from '../../../lib/app-error.ts';
import { formatCount } from '../../../lib/format.ts';
import { pluginListQuery } from '../api/plugin-queries.ts';
import { useScanPlugins } from '../api/use-scan-plugins.ts';
import { FirstPlugin } from './first-plugin.tsx';
import { InstallModal } from './install-modal.tsx';
import { matchesText, type PluginFilter } from './plugin-filter.ts';
import { PluginFilterBar } from './plugin-filter-bar.tsx';
import { PluginList, PluginListSkeleton } from './plugin-list.tsx';
import { ScanResult } from './scan-result.tsx';

interface InstalledPluginsProps {
  filter: PluginFilter;
  onFilterChange: (filter: PluginFilter) => void;
  /** What a row says of its plugin's calls. */
  figuresOf: (name: string) => ReactNode;
}

export function InstalledPlugins(props: InstalledPluginsProps) {
  const [installing, install] = useDisclosure(false);
  const scan = useScanPlugins();
  const { data, isError } = useQuery(pluginListQuery());
  return (
    <>
      <title>Installed · OmniRoute Plugins</title>
      <PageHeader
        title="Installed plugins"
        description={data ? summary(data.plugins) : isError ? 'Not known' : 'Reading…'}
        actions={
          <>
            <Button
              variant="default"
              leftSection={<IconFolderSearch size={16} aria-hidden />}
              loading={scan.isPending}
              onClick={() => scan.mutate()}
            >
              Scan for plugins
            </Button>
            <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={install.open}>
              Install from path
            </Button>
          </>
        }
      />
      <ScanResult result={scan.data} error={scan.error} onDismiss={scan.reset} />
      <Plugins {...props} />
      <InstallModal opened={installing} onClose={install.close} />
    </>
  );
}

function Plugins({ filter, onFilterChange, figuresOf }: InstalledPluginsProps) {
  const { data, error, isFetching, refetch } = useQuery(pluginListQuery());
  if (data !== undefined) {
    if (data.plugins.length === 0) return <FirstPlugin />;
    const shown = data.plugins.filter(
      (plugin) =>
        matchesText(plugin, filter.text) && (filter.status === null || plugin.status === filter.status),
    );
    return (
      <>
        <PluginFilterBar plugins={data.plugins} filter={filter} onChange={onFilterChange} />
        <PluginList plugins={shown} figuresOf={figuresOf} />
      </>
    );
  }
  if (error !== null) {
    return (
      <ErrorState
        title="The plugins could not be read"
        message={appError(error).message}
        retrying={isFetching}
        onRetry={() => void refetch()}
      />
    );
  }
  return (
    <>
      <Skeleton h={36} mb="sm" radius="md" />
      <PluginListSkeleton />
    </>
  );
}

function summary(plugins: PluginSummary[]): string {
  if (plugins.length === 0) return 'None yet';
  const active = plugins.filter(({ status }) => status === 'active').length;
  const failed = plugins.filter(({ status }) => status === 'error').length;
  const restarting = plugins.filter(({ process }) => process.state === 'restarting').length;
  const parts = [formatCount(plugins.length, 'plugin'), `${active} active`];
  if (restarting > 0) parts.push(`${restarting} restarting`);
  if (failed > 0) parts.push(`${failed} with an error`);
  return parts.join(', ');
}
