import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { errorCode, PluginError } from '../errors.ts';

const noncePlaceholder = '__CSP_NONCE__';

/**
 * The built dashboard: its assets for ever, its other files as they are, and index.html with a fresh nonce for every other
 * path that is no interface's. Without a build, pages are 404 with a sentence that says so.
 */
export async function installSpa(fastify: FastifyInstance, webDir: string): Promise<void> {
  const files = await topLevelFiles(webDir);
  const page = files.includes('index.html') ? await readFile(join(webDir, 'index.html'), 'utf8') : null;
  if (page !== null) await installFiles(fastify, webDir, files);

  fastify.get('/*', { config: { access: 'local' } }, async (_request, reply) => {
    if (page === null) {
      throw new PluginError(
        'NOT_FOUND',
        'The dashboard is not built. Run `npx -y pnpm@12 start`, which builds it.',
      );
    }
    const nonce = randomBytes(16).toString('base64');
    return reply
      .header('content-security-policy', contentSecurityPolicy(nonce))
      .type('text/html; charset=utf-8')
      .send(page.replaceAll(noncePlaceholder, nonce));
  });
}

async function installFiles(
  fastify: FastifyInstance,
  webDir: string,
  files: readonly string[],
): Promise<void> {
  await fastify.register(fastifyStatic, { root: webDir, serve: false, decorateReply: true });
  const options = { config: { access: 'local' } } as const;
  fastify.get<{ Params: { '*': string } }>('/assets/*', options, (request, reply) =>
    reply.sendFile(`assets/${request.params['*']}`, { maxAge: '365d', immutable: true }),
  );
  for (const file of files.filter((name) => name !== 'index.html')) {
    fastify.get(`/${file}`, options, (_request, reply) => reply.sendFile(file));
  }
}

async function topLevelFiles(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function contentSecurityPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}
