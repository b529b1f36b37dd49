import { type AnyTRPCProcedure, callTRPCProcedure } from '@trpc/server';
import { z } from 'zod';
import { type AppRouter, appRouter } from './app-router.ts';
import type { Context } from './context.ts';
import type { ProcedureMeta } from './trpc.ts';

type PathsIn<Routers> = {
  [Name in keyof Routers & string]: Routers[Name] extends AnyTRPCProcedure
    ? Name
    : `${Name}.${keyof Routers[Name] & string}`;
}[keyof Routers & string];

/** `plugins.list` and so on. */
export type ProcedurePath = PathsIn<AppRouter['_def']['record']>;

interface ProcedureCall {
  path: ProcedurePath;
  type: 'query' | 'mutation';
  input: unknown;
  context: Context;
  signal: AbortSignal;
}

const definitionSchema = z.object({
  type: z.enum(['query', 'mutation', 'subscription']),
  meta: z.object({ access: z.enum(['manage', 'local']), largeInput: z.literal(true).optional() }),
});

// tRPC keeps a procedure's definition, but not in its type.
const definitions = new Map(
  Object.entries(appRouter._def.procedures).map(([path, procedure]) => [
    path,
    definitionSchema.parse(Reflect.get(procedure, '_def')),
  ]),
);

/** Null for a path that is no procedure's. */
export function procedureAccess(path: string): ProcedureMeta['access'] | null {
  return definitions.get(path)?.meta.access ?? null;
}

export function isSubscription(path: string): boolean {
  return definitions.get(path)?.type === 'subscription';
}

export function takesLargeInput(path: string): boolean {
  return definitions.get(path)?.meta.largeInput === true;
}

/** Calls a procedure as a client would, with its checks of credentials, input and output. */
export function callProcedure({ path, type, input, context, signal }: ProcedureCall): Promise<unknown> {
  return callTRPCProcedure({
    router: appRouter,
    path,
    type,
    ctx: context,
    getRawInput: async () => input,
    signal,
    batchIndex: 0,
  });
}
