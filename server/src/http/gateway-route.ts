import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { ConnectionLimits } from './limits.ts';
import type { Services } from './services.ts';

interface Options {
  gateway: Services['gateway'];
  /** What the guard demanded of every call; null: nothing. */
  key: string | null;
  limits: ConnectionLimits;
}

/** Hands `/v1/*` over to the gateway, its body unread. A key that was the gateway's own does not travel on. */
export function installGateway(fastify: FastifyInstance, { gateway, key, limits }: Options): void {
  for (const url of ['/v1', '/v1/*']) {
    fastify.all(url, {
      config: { access: 'gateway' },
      exposeHeadRoute: false,
      onRequest: async ({ raw, id }, reply) => {
        reply.hijack();
        raw.socket.setTimeout(limits.gatewayUnreadTimeoutMs);
        if (key !== null) removeKey(raw, key);
        gateway.handle(raw, reply.raw, { requestId: id, provenKey: key });
        return reply;
      },
      handler: async (_request, reply) => reply,
    });
  }
}

/** From the header that carried it, and from wherever else a client may have put it to be sure. */
function removeKey({ headers, rawHeaders }: IncomingMessage, key: string): void {
  for (let index = rawHeaders.length - 2; index >= 0; index -= 2) {
    const [name = '', value = ''] = rawHeaders.slice(index, index + 2);
    if (name.toLowerCase() !== 'authorization' && !value.split(/[\s,;="]+/).includes(key)) continue;
    rawHeaders.splice(index, 2);
    delete headers[name.toLowerCase()];
  }
}
