import {
  loginCodeOutputSchema,
  loginInputSchema,
  loginOutputSchema,
  sessionOutputSchema,
} from '@omniroute/shared/auth';
import { localProcedure, manageProcedure, router } from '../trpc.ts';

export const authRouter = router({
  login: localProcedure
    .input(loginInputSchema)
    .output(loginOutputSchema)
    .mutation(async ({ ctx, input }) => {
      const { sessionId } = await ctx.services.auth.login(input);
      ctx.setSessionCookie(sessionId);
      return { success: true };
    }),

  logout: localProcedure.output(loginOutputSchema).mutation(async ({ ctx }) => {
    if (ctx.principal !== null) await ctx.services.auth.logout(ctx.principal);
    ctx.setSessionCookie(null);
    return { success: true };
  }),

  session: localProcedure
    .output(sessionOutputSchema)
    .query(({ ctx }) => ({ authenticated: ctx.principal !== null })),

  createLoginCode: manageProcedure
    .output(loginCodeOutputSchema)
    .mutation(({ ctx }) => ctx.services.auth.createLoginCode()),
});
