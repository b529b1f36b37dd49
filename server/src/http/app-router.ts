import { healthSchema } from '@omniroute/shared/health';
import { analyticsRouter } from './routers/analytics-router.ts';
import { authRouter } from './routers/auth-router.ts';
import { eventsRouter } from './routers/events-router.ts';
import { isolationRouter } from './routers/isolation-router.ts';
import { marketplaceRouter } from './routers/marketplace-router.ts';
import { pipelineRouter } from './routers/pipeline-router.ts';
import { pluginsRouter } from './routers/plugins-router.ts';
import { settingsRouter } from './routers/settings-router.ts';
import { localProcedure, router } from './trpc.ts';

export const appRouter = router({
  plugins: pluginsRouter,
  marketplace: marketplaceRouter,
  analytics: analyticsRouter,
  isolation: isolationRouter,
  settings: settingsRouter,
  auth: authRouter,
  pipeline: pipelineRouter,
  events: eventsRouter,
  health: localProcedure.output(healthSchema).query(({ ctx }) => ctx.services.health()),
});
export type AppRouter = typeof appRouter;
