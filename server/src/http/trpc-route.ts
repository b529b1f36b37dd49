import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { PluginError } from '../errors.ts';
import { appRouter } from './app-router.ts';
import { closeSignal } from '../gateway/close-signal.ts';
import type { Context } from './context.ts';
import { parseJson } from './json-body.ts';
import { manageBodyMaxBytes, maxBatchSize, pipelineBodyMaxBytes } from './limits.ts';
import { isSubscription, procedureAccess, takesLargeInput } from './procedures.ts';
import { readJsonText } from './read-body.ts';
import { reportError } from './report-error.ts';
import { errorHeaders } from './shown-error.ts';
import { authRequired, trpcErrorShape } from './trpc.ts';

const endpoint = '/trpc';
const paramsSchema = z.object({ path: z.string() });
const querySchema = z.object({ input: z.string().optional(), batch: z.literal('1').optional() });

/** Mounts the procedures. Each one checks the credentials that it wants; who has none and asks for none that does without learns nothing. */
export function installTrpc(
  fastify: FastifyInstance,
  createContext: (request: FastifyRequest, reply: FastifyReply) => Context,
  { bodyTimeoutMs }: { bodyTimeoutMs: number },
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
        .headers(errorHeaders([error]))
        .send({ error: shape });
    },
    handler: async (request, reply) => {
      const response = await fetchRequestHandler({
        endpoint,
        router: appRouter,
        req: await fetchRequest(request, reply, bodyTimeoutMs),
        createContext: () => createContext(request, reply),
        maxBatchSize,
        responseMeta: ({ errors }) => ({ headers: new Headers(errorHeaders(errors)) }),
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

/**
 * Only what tRPC needs to see: it reads JSON, and answers with JSON or an event stream. It would answer a POST of a
 * subscription with a stream that holds nothing but its refusal.
 */
async function fetchRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  timeoutMs: number,
): Promise<Request> {
  const { data: query } = querySchema.safeParse(request.query);
  if (query === undefined) throw new PluginError('INVALID_REQUEST', 'Give "input" once, as JSON.');
  const paths = calledPaths(request);
  if (request.method === 'POST' && paths.some(isSubscription)) {
    throw new PluginError('METHOD_NOT_ALLOWED', 'Subscriptions are read with GET.');
  }
  const maxBytes = paths.some(takesLargeInput) ? pipelineBodyMaxBytes : manageBodyMaxBytes;
  const posted =
    request.method === 'POST'
      ? await readJsonText(request.raw, reply.raw, { maxBytes, timeoutMs })
      : undefined;
  const calls = query.batch === undefined ? null : paths.length;
  if (query.input !== undefined) checkInput(query.input, calls, 'The input');
  if (posted !== undefined) checkInput(posted, calls, 'The body');
  const lastEventId = request.headers['last-event-id'];
  return new Request(`http://localhost${request.raw.url ?? ''}`, {
    method: request.method,
    headers: {
      'content-type': 'application/json',
      ...(typeof lastEventId === 'string' ? { 'last-event-id': lastEventId } : {}),
    },
    signal: closeSignal(reply.raw),
    ...(request.method === 'POST' ? { body: posted ?? '' } : {}),
  });
}

/** `calls` is the number of calls in a batch; null: it is none. */
function checkInput(text: string, calls: number | null, subject: string): void {
  const value = parseJson(text, subject);
  if (calls === null) return;
  const positions = Array.from({ length: Math.min(calls, maxBatchSize) }, (_, index) => String(index));
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isObject && Object.keys(value).every((key) => positions.includes(key))) return;
  throw new PluginError(
    'INVALID_REQUEST',
    `${subject} of a batch is an object with the position of each call as its key.`,
  );
}
