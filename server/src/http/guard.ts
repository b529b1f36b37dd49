import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AuthService } from '../auth/auth-service.ts';
import type { Principal } from '../auth/principal.ts';
import { PluginError } from '../errors.ts';
import {
  type AccessClass,
  type GatewayRules,
  gatewayRefusal,
  localRefusal,
  type RequestFacts,
} from './access.ts';
import { credentialsOf, sessionCookie } from './credentials.ts';
import { headerValues } from './headers.ts';
import { hasEncodedSlash } from './request-target.ts';
import { authRequired } from './trpc.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: AccessClass;
  }
  interface FastifyRequest {
    principal: Principal | null;
  }
}

interface GuardOptions {
  auth: AuthService;
  gateway: GatewayRules;
  port: () => number;
  /** In flight, of management; and again of what needs no login. */
  maxRequests: number;
}

const securityHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
};

/**
 * Judges every request by the access class of the route that the router matched, before its body is read. A route without a
 * class cannot be registered. Sets `request.principal`.
 */
export function installGuard(
  fastify: FastifyInstance,
  { auth, gateway, port, maxRequests }: GuardOptions,
): void {
  const inFlight = { managed: 0, local: 0 };

  fastify.decorateRequest('principal', null);

  fastify.addHook('onRoute', ({ config, method, url }) => {
    if (config?.access === undefined)
      throw new Error(`route without an access class: ${String(method)} ${url}`);
  });

  fastify.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders).header('x-request-id', request.id);
    // Whoever is refused one may talk on in another protocol.
    if (asksForUpgrade(request)) reply.header('connection', 'close');
    const access = request.routeOptions.config.access ?? 'manage';
    const facts = { ...factsOf(request), port: port() };
    const refusal = access === 'gateway' ? gatewayRefusal(facts, gateway) : localRefusal(facts, access);
    if (refusal !== null) throw refusal;
    if (access === 'gateway') {
      refuseUpgrade(request);
      return;
    }
    if (hasEncodedSlash(request.raw.url ?? ''))
      throw new PluginError('INVALID_REQUEST', 'The path is not valid.');
    count(access === 'local' ? 'local' : 'managed', reply);
    request.principal = await auth.authenticate(credentialsOf(request.raw.rawHeaders));
    if (access === 'manage' && request.principal === null) throw authRequired();
    keepCookie(request, reply);
  });

  // After the credentials, which routes may check in their own `onRequest`.
  fastify.addHook('preValidation', async (request) => refuseUpgrade(request));

  function count(kind: keyof typeof inFlight, reply: FastifyReply): void {
    if (inFlight[kind] >= maxRequests) {
      throw new PluginError('RATE_LIMITED', 'Too many requests at once. Try again in a moment.');
    }
    inFlight[kind] += 1;
    // Fastify's own hooks do not run for a client that leaves early.
    reply.raw.once('close', () => {
      inFlight[kind] -= 1;
    });
  }
}

/** Some HTTP clients offer these to every server, and go on without them (RFC 9110, 7.8). */
const ignoredProtocols = /^(h2c|tls\/[\d.]+)?$/i;

function asksForUpgrade({ raw }: FastifyRequest): boolean {
  return headerValues(raw.rawHeaders, 'upgrade')
    .flatMap((value) => value.split(','))
    .some((protocol) => !ignoredProtocols.test(protocol.trim()));
}

function refuseUpgrade(request: FastifyRequest): void {
  if (!asksForUpgrade(request)) return;
  throw new PluginError('INVALID_REQUEST', 'There is no WebSocket here: connections speak HTTP only.');
}

function factsOf({ raw }: FastifyRequest): Omit<RequestFacts, 'port'> {
  return { method: raw.method ?? '', peer: raw.socket.remoteAddress, rawHeaders: raw.rawHeaders };
}

/** A session that was prolonged has to live on in the browser, too. */
function keepCookie(request: FastifyRequest, reply: FastifyReply): void {
  const { cookie } = credentialsOf(request.raw.rawHeaders);
  if (request.principal?.prolonged && cookie !== null) reply.header('set-cookie', sessionCookie(cookie));
}
