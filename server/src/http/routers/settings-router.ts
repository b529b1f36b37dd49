import { settingsPatchSchema, settingsSchema } from '@omniroute/shared/settings';
import { manageProcedure, router } from '../trpc.ts';

export const settingsRouter = router({
  get: manageProcedure.output(settingsSchema).query(({ ctx }) => ctx.services.settings.get()),

  update: manageProcedure
    .input(settingsPatchSchema)
    .output(settingsSchema)
    .mutation(({ ctx, input }) => ctx.services.settings.update(input)),
});
