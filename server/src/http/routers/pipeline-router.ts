import {
  pipelineErrorInputSchema,
  pipelineErrorOutputSchema,
  pipelineRequestInputSchema,
  pipelineRequestOutputSchema,
  pipelineResponseInputSchema,
  pipelineResponseOutputSchema,
} from '@omniroute/shared/pipeline';
import { pipelineProcedure, router } from '../trpc.ts';

export const pipelineRouter = router({
  request: pipelineProcedure
    .input(pipelineRequestInputSchema)
    .output(pipelineRequestOutputSchema)
    .mutation(({ ctx, input, signal }) => ctx.services.pipeline.request(input, signal)),

  response: pipelineProcedure
    .input(pipelineResponseInputSchema)
    .output(pipelineResponseOutputSchema)
    .mutation(({ ctx, input, signal }) => ctx.services.pipeline.response(input, signal)),

  error: pipelineProcedure
    .input(pipelineErrorInputSchema)
    .output(pipelineErrorOutputSchema)
    .mutation(({ ctx, input, signal }) => ctx.services.pipeline.error(input, signal)),
});
