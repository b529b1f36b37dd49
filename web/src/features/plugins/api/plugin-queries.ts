import { type QueryClient, queryOptions } from '@tanstack/react-query';
import { trpc } from '../../../lib/trpc.ts';

export const shownLogLines = 200;
const factsEveryMs = 5_000;

export const pluginListQuery = () => queryOptions(trpc.plugins.list.queryOptions({}));

/** Memory and uptime of a running plugin change without an event, so they are read every few seconds. */
export const pluginQuery = (name: string) =>
  queryOptions({
    ...trpc.plugins.get.queryOptions({ name }),
    refetchInterval: ({ state }) => (state.data?.plugin.process.state === 'running' ? factsEveryMs : false),
  });

export const pluginConfigQuery = (name: string) => queryOptions(trpc.plugins.config.queryOptions({ name }));

export const pluginLogsQuery = (name: string) =>
  queryOptions(trpc.plugins.logs.queryOptions({ name, tail: shownLogLines }, { staleTime: 0 }));

/** Checks run when asked: they may start a process. A report is of its moment, so leaving the page drops it. */
export const pluginDoctorQuery = (name: string) =>
  queryOptions(trpc.plugins.doctor.queryOptions({ name }, { enabled: false, gcTime: 0 }));

/** Reads again what may have changed about the plugin `name`; its log changes by its own events. */
export async function invalidatePlugin(queryClient: QueryClient, name: string) {
  await Promise.all([
    queryClient.invalidateQueries(trpc.plugins.list.pathFilter()),
    queryClient.invalidateQueries(trpc.plugins.get.queryFilter({ name })),
    queryClient.invalidateQueries(trpc.plugins.config.queryFilter({ name })),
    queryClient.invalidateQueries(trpc.health.pathFilter()),
  ]);
}

export async function invalidatePluginList(queryClient: QueryClient) {
  await Promise.all([
    queryClient.invalidateQueries(trpc.plugins.list.pathFilter()),
    queryClient.invalidateQueries(trpc.health.pathFilter()),
  ]);
}
