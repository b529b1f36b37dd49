import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PluginError } from '../errors.ts';
import type { Context } from './context.ts';
import { parseJson } from './json-body.ts';
import { manageBodyMaxBytes } from './limits.ts';
import { callProcedure, procedureAccess } from './procedures.ts';
import { type BodyLimits, readJsonText } from './read-body.ts';
import { closeSignal } from '../gateway/close-signal.ts';
import { type RestRoute, restRoutes } from './rest-table.ts';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

type CreateContext = (request: FastifyRequest, reply: FastifyReply) => Context;

/** Registers the table, and for each of its paths the refusal of every other method. */
export function installRest(
  fastify: FastifyInstance,
  createContext: CreateContext,
  { bodyTimeoutMs }: { bodyTimeoutMs: number },
): void {
  const limits = { maxBytes: manageBodyMaxBytes, timeoutMs: bodyTimeoutMs };
  for (const route of restRoutes) installRoute(fastify, route, { createContext, limits });
  for (const [path, routes] of Map.groupBy(restRoutes, (route) => route.path))
    refuseOtherMethods(fastify, path, routes);
}

function installRoute(
  fastify: FastifyInstance,
  route: RestRoute,
  { createContext, limits }: { createContext: CreateContext; limits: BodyLimits },
): void {
  fastify.route({
    method: route.method,
    url: routerPath(route.path),
    config: { access: accessOf(route) },
    handler: async (request, reply) => {
      const output = await callProcedure({
        path: route.procedure,
        type: route.method === 'GET' ? 'query' : 'mutation',
        input: route.method === 'GET' ? queryInput(request) : await bodyInput(request, reply, limits),
        context: createContext(request, reply),
        signal: closeSignal(reply.raw),
      });
      return reply.code(route.status).send(output);
    },
  });
}

function refuseOtherMethods(fastify: FastifyInstance, path: string, routes: readonly RestRoute[]): void {
  const allowed: string[] = routes.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  fastify.route({
    method: methods.filter((method) => !allowed.includes(method)),
    url: routerPath(path),
    config: { access: routes.every((route) => accessOf(route) === 'local') ? 'local' : 'manage' },
    handler: async (_request, reply) => {
      reply.header('allow', allowed.join(', '));
      throw new PluginError('METHOD_NOT_ALLOWED', `This path takes ${allowed.join(', ')}.`);
    },
  });
}

/** A plain `:name` would match an empty segment, too. */
function routerPath(path: string): string {
  return path.replace(/:(\w+)/g, ':$1(^.+$)');
}

function accessOf({ procedure }: RestRoute): 'manage' | 'local' {
  const access = procedureAccess(procedure);
  if (access === null) throw new Error(`no procedure: ${procedure}`);
  return access;
}

function queryInput({ params, query }: FastifyRequest): unknown {
  return { ...fields(query), ...fields(params) };
}

async function bodyInput(
  { params, raw }: FastifyRequest,
  reply: FastifyReply,
  limits: BodyLimits,
): Promise<unknown> {
  const text = await readJsonText(raw, reply.raw, limits);
  const body = text === undefined ? {} : parseJson(text);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new PluginError('INVALID_REQUEST', 'The body must be a JSON object.');
  }
  return { ...body, ...fields(params) };
}

function fields(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}
