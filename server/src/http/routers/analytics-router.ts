import {
  analyticsInputSchema,
  analyticsOutputSchema,
  metricsInputSchema,
  metricsOutputSchema,
  overviewOutputSchema,
} from '@omniroute/shared/analytics';
import { manageProcedure, router } from '../trpc.ts';

export const analyticsRouter = router({
  metrics: manageProcedure
    .input(metricsInputSchema)
    .output(metricsOutputSchema)
    .query(({ ctx, input }) => ctx.services.analytics.metrics(input)),

  get: manageProcedure
    .input(analyticsInputSchema)
    .output(analyticsOutputSchema)
    .query(({ ctx, input }) => ctx.services.analytics.get(input)),

  overview: manageProcedure
    .output(overviewOutputSchema)
    .query(({ ctx }) => ctx.services.analytics.overview()),
});
