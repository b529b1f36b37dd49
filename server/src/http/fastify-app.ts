import { manifestJsonSchema } from '@omniroute/shared/manifest';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { Logger } from '../logger.ts';
import { errorBody, PluginError } from '../errors.ts';
import type { Context } from './context.ts';
import { sessionCookie } from './credentials.ts';
import type { EventStreams } from './event-streams.ts';
import { installGateway } from './gateway-route.ts';
import { installGuard } from './guard.ts';
import type { ConnectionLimits } from './limits.ts';
import { installRest } from './rest.ts';
import type { Services } from './services.ts';
import { reportError } from './report-error.ts';
import { errorHeaders } from './shown-error.ts';
import { installSpa } from './spa.ts';
import { installTrpc } from './trpc-route.ts';

export interface FastifyAppOptions {
  services: Services;
  streams: EventStreams;
  logger: Logger;
  newId: () => string;
  gatewayKey: string | null;
  /** The gateway listens on the network, not only on loopback. */
  exposed: boolean;
  webDir: string;
  limits: ConnectionLimits;
  port: () => number;
}

/** The routes, ready to be run by `routing(request, response)`; it opens no socket. */
export async function createFastifyApp(options: FastifyAppOptions): Promise<FastifyInstance> {
  const { services, streams, gatewayKey, exposed, limits } = options;
  const loggerInstance: FastifyBaseLogger = options.logger;
  const app: FastifyInstance = fastify({
    loggerInstance,
    logController: new fastify.LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: options.newId,
    routerOptions: { maxParamLength: 16_384 },
  });
  // The routes read their own bodies, each with its own limit.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.setErrorHandler(async (error, request, reply) => {
    const { status, body } = errorBody(reportError(error, request));
    return reply
      .code(status)
      .headers(errorHeaders([error]))
      .send(body);
  });
  installGuard(app, {
    auth: services.auth,
    gateway: { key: gatewayKey, exposed },
    port: options.port,
    maxRequests: limits.maxRequests,
  });
  const createContext = (request: FastifyRequest, reply: FastifyReply): Context => ({
    services,
    streams,
    logger: options.logger.child({ requestId: request.id }),
    principal: request.principal,
    setSessionCookie: (sessionId) => void reply.header('set-cookie', sessionCookie(sessionId)),
    disconnect: () => void request.raw.socket.destroy(),
  });
  installRest(app, createContext, limits);
  installTrpc(app, createContext, limits);
  installGateway(app, { gateway: services.gateway, key: gatewayKey, limits });
  const manifestSchema = manifestJsonSchema();
  app.get('/plugin.schema.json', { config: { access: 'local' } }, () => manifestSchema);
  installUnknownPaths(app);
  await installSpa(app, options.webDir);
  await app.ready();
  return app;
}

/** Under `/api` and `/trpc`, in whatever case, the dashboard's page is no answer. */
function installUnknownPaths(app: FastifyInstance): void {
  const area = '/:area(^(?:[aA][pP][iI]|[tT][rR][pP][cC])$)';
  for (const url of [area, `${area}/*`]) app.all(url, { config: { access: 'manage' } }, refuseUnknown);
  const notForPages = ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
  app.route({ method: notForPages, url: '/*', config: { access: 'local' }, handler: refuseUnknown });
  app.setNotFoundHandler(refuseUnknown);
}

function refuseUnknown(): never {
  throw new PluginError('NOT_FOUND', 'There is nothing at this path.');
}
