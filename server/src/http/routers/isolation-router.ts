import { machineIsolationSchema } from '@omniroute/shared/isolation';
import { manageProcedure, router } from '../trpc.ts';

export const isolationRouter = router({
  get: manageProcedure.output(machineIsolationSchema).query(({ ctx }) => ctx.services.isolation.isolation),

  probe: manageProcedure.output(machineIsolationSchema).mutation(({ ctx }) => ctx.services.isolation.probe()),
});
