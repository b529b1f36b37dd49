import type { LoginInput } from '@omniroute/shared/auth';
import { queryClient, trpcClient } from '../../../lib/trpc.ts';

/** Opens a session of this browser; everything that was read before it is forgotten. */
export async function logIn(credential: LoginInput) {
  await trpcClient.auth.login.mutate(credential);
  queryClient.clear();
}
