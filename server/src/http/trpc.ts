import { errorKinds } from '@omniroute/shared/error-code';
import { initTRPC } from '@trpc/server';
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc';
import { errorBody, internalError, PluginError } from '../errors.ts';
import type { Context } from './context.ts';
import { shownError } from './shown-error.ts';

export interface ProcedureMeta {
  /** `manage` needs credentials, `local` only the right place. */
  access: 'manage' | 'local';
  /** Takes bodies of the gateway's size, not of the management's. */
  largeInput?: true;
}

const pingIntervalMs = 15_000;

const trpc = initTRPC
  .context<Context>()
  .meta<ProcedureMeta>()
  .create({
    defaultMeta: { access: 'manage' },
    isDev: false,
    sse: {
      ping: { enabled: true, intervalMs: pingIntervalMs },
      client: { reconnectAfterInactivityMs: 3 * pingIntervalMs },
    },
    errorFormatter: ({ error, shape, ctx }) =>
      trpcErrorShape(
        hiddenFromStrangers(shownError(error), ctx) ?? internalError(error.cause),
        shape.data.path,
      ),
  });

const loggedProcedure = trpc.procedure.use(async function logUnknownErrors({ ctx, path, next }) {
  const result = await next();
  if (!result.ok) {
    const shown = shownError(result.error);
    if (shown === null || shown.code === 'INTERNAL') {
      ctx.logger.error({ err: result.error.cause ?? result.error, procedure: path }, 'request.failed');
    } else if (shown.cause !== undefined) {
      // What is shown is made of it: the whole of it is for the log.
      ctx.logger.warn({ err: shown, procedure: path }, 'request.refused');
    }
  }
  return result;
});

/** For whoever is on this machine, logged in or not. */
export const localProcedure = loggedProcedure.meta({ access: 'local' });

/** For the operator. */
export const manageProcedure = loggedProcedure.use(function requirePrincipal({ ctx, next }) {
  if (ctx.principal === null) throw authRequired();
  return next({ ctx: { principal: ctx.principal } });
});

/** For other tools that run the hooks over whole requests and responses. */
export const pipelineProcedure = manageProcedure.meta({ access: 'manage', largeInput: true });

export const { router } = trpc;

export function authRequired(): PluginError {
  return new PluginError(
    'AUTH_REQUIRED',
    'Log in first: open the link that `npx -y pnpm@12 login-link` prints, or send `Authorization: Bearer <token>`.',
  );
}

/** An error as tRPC clients read it; `data.app` is what REST answers as `error`. */
export function trpcErrorShape(error: PluginError, path?: string) {
  const { status, body } = errorBody(error);
  const code = errorKinds[error.code].trpc;
  return {
    message: error.message,
    code: TRPC_ERROR_CODES_BY_KEY[code],
    data: { code, httpStatus: status, path, app: body.error },
  };
}

/** Without credentials, a procedure that is not there looks like one that is. */
function hiddenFromStrangers(shown: PluginError | null, ctx: Context | undefined): PluginError | null {
  return shown?.code === 'NOT_FOUND' && ctx?.principal === null ? authRequired() : shown;
}
