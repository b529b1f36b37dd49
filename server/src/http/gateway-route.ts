import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Services } from './services.ts';

/** Hands `/v1/*` over to the gateway, its body unread. A key that was the gateway's own does not travel on. */
export function installGateway(
  fastify: FastifyInstance,
  gateway: Services['gateway'],
  keyDemanded: boolean,
): void {
  for (const url of ['/v1', '/v1/*']) {
    fastify.all(url, {
      config: { access: 'gateway' },
      exposeHeadRoute: false,
      onRequest: async ({ raw, id }, reply) => {
        reply.hijack();
        if (keyDemanded) removeAuthorization(raw);
        gateway.handle(raw, reply.raw, id);
        return reply;
      },
      handler: async (_request, reply) => reply,
    });
  }
}

function removeAuthorization(request: IncomingMessage): void {
  delete request.headers.authorization;
  for (let index = request.rawHeaders.length - 2; index >= 0; index -= 2) {
    if (request.rawHeaders[index]?.toLowerCase() === 'authorization') request.rawHeaders.splice(index, 2);
  }
}
