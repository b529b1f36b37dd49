import { streamInputSchema } from '@omniroute/shared/event';
import { tracked } from '@trpc/server';
import { manageProcedure, router } from '../trpc.ts';

export const eventsRouter = router({
  stream: manageProcedure.input(streamInputSchema).subscription(async function* ({ ctx, input, signal }) {
    const { principal, disconnect } = ctx;
    const stream = ctx.streams.open({ principal, topics: input.topics, signal, disconnect });
    for await (const { id, event } of stream) yield tracked(id, event);
  }),
});
