import { type PluginStatus, pluginStatusSchema } from '@omniroute/shared/plugin';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { FailurePage } from '../components/ui/failure-page.tsx';
import { NotFoundPage } from '../components/ui/not-found-page.tsx';
import {
  overviewQuery,
  pluginFailuresQuery,
  pluginMetricsQuery,
} from '../features/analytics/api/analytics-queries.ts';
import { logIn } from '../features/auth/api/log-in.ts';
import { sessionQuery } from '../features/auth/api/session-query.ts';
import {
  pluginConfigQuery,
  pluginListQuery,
  pluginLogsQuery,
  pluginQuery,
} from '../features/plugins/api/plugin-queries.ts';
import { settingsQuery } from '../features/settings/api/settings-query.ts';
import { appError } from '../lib/app-error.ts';
import { safeNext } from '../lib/safe-next.ts';
import { queryClient } from '../lib/trpc.ts';

export interface RouterContext {
  /** The one-time code of the link that opened this page: the first call gets it, later ones null. */
  takeLoginCode(): string | null;
}

const rootRoute = createRootRouteWithContext<RouterContext>()({
  component: Outlet,
});

const loginRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/login',
  validateSearch: ({ next }: Record<string, unknown>): { next?: string } =>
    typeof next === 'string' ? { next } : {},
  loaderDeps: ({ search }) => search,
  loader: async ({ context, deps }) => {
    const code = context.takeLoginCode();
    if (code === null) return { failure: null };
    const failure = await logIn({ code }).then(() => null, appError);
    if (failure === null) {
      redirect({ href: safeNext(deps.next, window.location.origin), replace: true, throw: true });
    }
    return { failure: failure?.message ?? null };
  },
  component: lazyRouteComponent(() => import('./routes/login.tsx'), 'LoginRoute'),
});

const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'shell',
  beforeLoad: async ({ location }) => {
    const { authenticated } = await queryClient.query(sessionQuery());
    if (!authenticated) {
      redirect({
        to: '/login',
        search: { next: `${location.pathname}${location.searchStr}` },
        throw: true,
      });
    }
  },
  component: lazyRouteComponent(() => import('./routes/shell.tsx'), 'ShellRoute'),
});

const installedRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/',
  validateSearch: (search: Record<string, unknown>): { q?: string; status?: PluginStatus } => {
    const status = pluginStatusSchema.safeParse(search['status']).data;
    return {
      ...(typeof search['q'] === 'string' ? { q: search['q'] } : {}),
      ...(status ? { status } : {}),
    };
  },
  loader: () => readAhead(queryClient.query(pluginListQuery()), queryClient.query(overviewQuery())),
  component: lazyRouteComponent(() => import('./routes/installed.tsx'), 'InstalledRoute'),
});

const pluginRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/plugins/$name',
  loader: ({ params: { name } }) =>
    readAhead(
      queryClient.query(pluginQuery(name)),
      queryClient.query(pluginConfigQuery(name)),
      queryClient.query(pluginLogsQuery(name)),
      queryClient.query(pluginMetricsQuery(name)),
      queryClient.query(pluginFailuresQuery(name)),
    ),
  component: lazyRouteComponent(() => import('./routes/plugin.tsx'), 'PluginRoute'),
});

const settingsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/settings',
  loader: () => readAhead(queryClient.query(settingsQuery())),
  component: lazyRouteComponent(() => import('./routes/settings.tsx'), 'SettingsRoute'),
});

const elsewhereRoute = createRoute({ getParentRoute: () => shellRoute, path: '$', component: NotFoundPage });

export function createAppRouter(context: RouterContext) {
  return createRouter({
    routeTree: rootRoute.addChildren([
      loginRoute,
      shellRoute.addChildren([installedRoute, pluginRoute, settingsRoute, elsewhereRoute]),
    ]),
    context,
    defaultPreload: 'intent',
    defaultPreloadStaleTime: 0,
    scrollRestoration: true,
    defaultErrorComponent: FailurePage,
  });
}

/** Starts reading while the page's code loads. The page shows what fails. */
function readAhead(...reads: Promise<unknown>[]) {
  void Promise.allSettled(reads);
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
