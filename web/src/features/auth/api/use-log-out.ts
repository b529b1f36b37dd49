import { useMutation } from '@tanstack/react-query';
import { trpc } from '../../../lib/trpc.ts';

/** A full load afterwards closes the live stream and drops everything that was read. */
export const useLogOut = () =>
  useMutation(
    trpc.auth.logout.mutationOptions({
      onSuccess: () => window.location.assign('/login'),
    }),
  );
