import type { AppRouter } from '@omniroute/server/http/app-router';
import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { createTRPCClient, httpBatchLink, httpSubscriptionLink, splitLink } from '@trpc/client';
import { createTRPCOptionsProxy } from '@trpc/tanstack-react-query';
import { appError } from './app-error.ts';

const maxFailures = 2;

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: signInAgainIfNeeded }),
  mutationCache: new MutationCache({ onError: signInAgainIfNeeded }),
  defaultOptions: {
    queries: {
      // The service is on this machine: whether the browser thinks it is online does not matter.
      networkMode: 'always',
      staleTime: 10_000,
      retry: (failures, error) => appError(error).code === 'UNREACHABLE' && failures < maxFailures,
    },
    mutations: { networkMode: 'always' },
  },
});

export const trpcClient = createTRPCClient<AppRouter>({
  links: [
    splitLink({
      condition: (operation) => operation.type === 'subscription',
      true: httpSubscriptionLink({ url: '/trpc' }),
      false: httpBatchLink({ url: '/trpc', maxItems: 20 }),
    }),
  ],
});

export const trpc = createTRPCOptionsProxy<AppRouter>({
  client: trpcClient,
  queryClient,
});

/** A lapsed session ends in the login page from wherever it is noticed; a full load drops everything that was read. */
function signInAgainIfNeeded(error: Error) {
  if (appError(error).code !== 'AUTH_REQUIRED' || window.location.pathname === '/login') return;
  const next = `${window.location.pathname}${window.location.search}`;
  window.location.assign(`/login?next=${encodeURIComponent(next)}`);
}
