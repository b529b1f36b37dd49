import { doctorReportSchema } from '@omniroute/shared/doctor';
import {
  doneSchema,
  installInputSchema,
  installOutputSchema,
  logsInputSchema,
  logsOutputSchema,
  pluginConfigOutputSchema,
  pluginGetOutputSchema,
  pluginListInputSchema,
  pluginListOutputSchema,
  pluginRefSchema,
  scanOutputSchema,
  updateConfigInputSchema,
  updateConfigOutputSchema,
} from '@omniroute/shared/plugin';
import { manageProcedure, router } from '../trpc.ts';

export const pluginsRouter = router({
  list: manageProcedure
    .input(pluginListInputSchema)
    .output(pluginListOutputSchema)
    .query(async ({ ctx, input }) => ({
      plugins: await ctx.services.plugins.list(input.status ? { status: input.status } : {}),
    })),

  get: manageProcedure
    .input(pluginRefSchema)
    .output(pluginGetOutputSchema)
    .query(async ({ ctx, input }) => ({ plugin: await ctx.services.plugins.get(input.name) })),

  install: manageProcedure
    .input(installInputSchema)
    .output(installOutputSchema)
    .mutation(({ ctx, input }) => ctx.services.plugins.install(input)),

  scan: manageProcedure.output(scanOutputSchema).mutation(({ ctx }) => ctx.services.plugins.scan()),

  uninstall: manageProcedure
    .input(pluginRefSchema)
    .output(doneSchema)
    .mutation(({ ctx, input }) => ctx.services.plugins.uninstall(input.name)),

  activate: manageProcedure
    .input(pluginRefSchema)
    .output(doneSchema)
    .mutation(({ ctx, input }) => ctx.services.plugins.activate(input.name)),

  deactivate: manageProcedure
    .input(pluginRefSchema)
    .output(doneSchema)
    .mutation(({ ctx, input }) => ctx.services.plugins.deactivate(input.name)),

  restart: manageProcedure
    .input(pluginRefSchema)
    .output(doneSchema)
    .mutation(({ ctx, input }) => ctx.services.plugins.restart(input.name)),

  rollback: manageProcedure
    .input(pluginRefSchema)
    .output(doneSchema)
    .mutation(({ ctx, input }) => ctx.services.plugins.rollback(input.name)),

  config: manageProcedure
    .input(pluginRefSchema)
    .output(pluginConfigOutputSchema)
    .query(({ ctx, input }) => ctx.services.plugins.config(input.name)),

  updateConfig: manageProcedure
    .input(updateConfigInputSchema)
    .output(updateConfigOutputSchema)
    .mutation(({ ctx, input }) => ctx.services.plugins.updateConfig(input.name, input.config)),

  logs: manageProcedure
    .input(logsInputSchema)
    .output(logsOutputSchema)
    .query(async ({ ctx, input }) => ({ lines: await ctx.services.plugins.logs(input.name, input.tail) })),

  doctor: manageProcedure
    .input(pluginRefSchema)
    .output(doctorReportSchema)
    .query(({ ctx, input }) => ctx.services.plugins.doctor(input.name)),
});
