import { catalogListInputSchema, catalogListOutputSchema } from '@omniroute/shared/marketplace';
import { manageProcedure, router } from '../trpc.ts';

export const marketplaceRouter = router({
  list: manageProcedure
    .input(catalogListInputSchema)
    .output(catalogListOutputSchema)
    .query(({ ctx, input }) => ctx.services.catalog.list(input)),
});
