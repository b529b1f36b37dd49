import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { PluginError } from '../errors.ts';
import { appRouter } from './app-router.ts';
import { closeSignal } from '../gateway/close-signal.ts';
import type { Context } from './context.ts';
import { checkJson } from './json-body.ts';
import { manageBodyMaxBytes, maxBatchSize, pipelineBodyMaxBytes } from './limits.ts';
import { procedureAccess, takesLargeInput } from './procedures.ts';
import { readJsonText } from './read-body.ts';
import { reportError } from './report-error.ts';
import { retryHeaders } from './shown-error.ts';
import { authRequired, trpcErrorShape } from './trpc.ts';

const endpoint = '/trpc';
const paramsSchema = z.object({ path: z.string() });
const querySchema = z.object({ input: z.string().optional() });

/** Mounts the procedures. Each one checks the credentials that it wants; who has none and asks for none that does without learns nothing. */
export function installTrpc(
  fastify: FastifyInstance,
  createContext: (request: FastifyRequest, reply: FastifyReply) => Context,
): void {
  fastify.route({
    method: ['GET', 'POST'],
    url: `${endpoint}/:path`,
    exposeHeadRoute: false,
    config: { access: 'procedures' },
    onRequest: async (request) => {
      const asksForLocal = calledPaths(request).some((path) => procedureAccess(path) === 'local');
      if (request.principal === null && !asksForLocal) throw authRequired();
    },
    errorHandler: (error, request, reply) => {
      const shape = trpcErrorShape(reportError(error, request));
      reply
        .code(shape.data.httpStatus)
        .headers(retryHeaders([error]))
        .send({ error: shape });
    },
    handler: async (request, reply) => {
      const response = await fetchRequestHandler({
        endpoint,
        router: appRouter,
        req: await fetchRequest(request, reply),
        createContext: () => createContext(request, reply),
        maxBatchSize,
        responseMeta: ({ errors }) => ({ headers: new Headers(retryHeaders(errors)) }),
      });
      response.headers.set('cache-control', 'no-store, no-transform');
      // tRPC leaves the type out when it refuses a batch as a whole.
      if (response.headers.get('content-type')?.startsWith('text/plain')) {
        response.headers.set('content-type', 'application/json');
      }
      return reply.send(response);
    },
  });
}

function calledPaths({ params }: FastifyRequest): string[] {
  return paramsSchema.parse(params).path.split(',');
}

/** Only what tRPC needs to see: it reads JSON, and answers with JSON or an event stream. */
async function fetchRequest(request: FastifyRequest, reply: FastifyReply): Promise<Request> {
  const { data: query } = querySchema.safeParse(request.query);
  if (query === undefined) throw new PluginError('INVALID_REQUEST', 'Give "input" once, as JSON.');
  if (query.input !== undefined) checkJson(query.input);
  const lastEventId = request.headers['last-event-id'];
  return new Request(`http://localhost${request.raw.url ?? ''}`, {
    method: request.method,
    headers: {
      'content-type': 'application/json',
      ...(typeof lastEventId === 'string' ? { 'last-event-id': lastEventId } : {}),
    },
    signal: closeSignal(reply.raw),
    ...(request.method === 'POST' ? { body: await postedInput(request, reply) } : {}),
  });
}

async function postedInput(request: FastifyRequest, reply: FastifyReply): Promise<string> {
  const large = calledPaths(request).some(takesLargeInput);
  const text = await readJsonText(request.raw, reply.raw, large ? pipelineBodyMaxBytes : manageBodyMaxBytes);
  if (text !== undefined) checkJson(text);
  return text ?? '';
}
