import { useMutation } from '@tanstack/react-query';
import { logIn } from './log-in.ts';

export const useLogIn = () => useMutation({ mutationFn: logIn });
