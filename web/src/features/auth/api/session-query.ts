import { queryOptions } from '@tanstack/react-query';
import { trpc } from '../../../lib/trpc.ts';

/** Asked once per page load: a session that lapses later shows itself by a 401. */
export const sessionQuery = () =>
  queryOptions(trpc.auth.session.queryOptions(undefined, { staleTime: 'static' }));
