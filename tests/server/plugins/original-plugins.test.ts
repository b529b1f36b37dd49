import { expect, test } from 'vitest';
import { act, install } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

// Plugins as they were written for the original, which nobody changes for us.

const onRequest = `ctx.metadata.requestedModel = ctx.body.model;
  return { body: { ...ctx.body, messages: [...ctx.body.messages, { role: 'user', content: 'and more' }] } };`;
const onResponse = `if (ctx.metadata.requestedModel !== 'test-model') return;
  return { ...response, body: { ...response.data, themed: true } };`;
const onError = `return { response: { status: 200, body: { rescued: error.code } } };`;

test.each<[string, Record<string, unknown>, Record<string, string>]>([
  [
    'an ES module with named exports',
    {},
    {
      'index.js': `export async function onRequest(ctx) { ${onRequest} }
        export const onResponse = async (ctx, response) => { ${onResponse} };
        export function onError(ctx, error) { ${onError} }`,
    },
  ],
  [
    'an ES module with a default-exported object',
    {},
    {
      'index.js': `export default {
        onRequest(ctx) { ${onRequest} },
        async onResponse(ctx, response) { ${onResponse} },
        onError: (ctx, error) => { ${onError} },
      };`,
    },
  ],
  [
    'CommonJS with exports',
    {},
    {
      'index.js': `exports.onRequest = async (ctx) => { ${onRequest} };
        exports.onResponse = (ctx, response) => { ${onResponse} };
        exports.onError = (ctx, error) => { ${onError} };`,
    },
  ],
  [
    'CommonJS with module.exports and a required file',
    { main: 'src/main.cjs' },
    {
      'src/main.cjs': `const hooks = require('./hooks.cjs'); module.exports = { name: 'x', ...hooks };`,
      'src/hooks.cjs': `module.exports = {
        onRequest(ctx) { ${onRequest} },
        onResponse(ctx, response) { ${onResponse} },
        onError(ctx, error) { ${onError} },
      };`,
    },
  ],
  [
    'a transpiled default export',
    {},
    {
      'index.js': `Object.defineProperty(exports, '__esModule', { value: true });
        exports.default = {
          onRequest(ctx) { ${onRequest} },
          onResponse(ctx, response) { ${onResponse} },
          onError(ctx, error) { ${onError} },
        };`,
    },
  ],
  [
    'a class instance',
    {},
    {
      'index.js': `class Theme {
          #key = 'requestedModel';
          onRequest(ctx) { ${onRequest} }
          onResponse(ctx, response) { if (!ctx.metadata[this.#key]) return; ${onResponse} }
          onError(ctx, error) { ${onError} }
        }
        export default new Theme();`,
    },
  ],
  [
    'TypeScript',
    { main: 'index.ts' },
    {
      'index.ts': `interface Context { metadata: Record<string, unknown>; body: { model: string; messages: object[] } }
        export function onRequest(ctx: Context): object { ${onRequest} }
        export function onResponse(ctx: Context, response: { data: object }): object | undefined { ${onResponse} }
        export function onError(ctx: Context, error: { code: string }): object { ${onError} }`,
    },
  ],
])('%s runs unmodified', async (_what, manifest, files) => {
  await using upstream = await startService();
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: `${upstream.url}/v1` } });
  await using folder = await temporaryFolder();
  await writePackage(
    folder.path,
    {
      name: 'original',
      permissions: [],
      minHostVersion: '1',
      hooks: { onRequest: true, onResponse: true, onError: true },
      ...manifest,
    },
    files,
  );
  expect(await install(service, folder.path)).toMatchObject({ status: 201 });
  expect((await act(service, 'original', 'activate')).status).toBe(200);
  const body = await (await service.chat({ content: 'hello' })).json();
  expect(body).toMatchObject({ themed: true, choices: [{ message: { content: 'and more' } }] });
  await upstream[Symbol.asyncDispose]();
  const rescued = await service.chat({ content: 'hello' });
  expect({ status: rescued.status, body: await rescued.json() }).toEqual({
    status: 200,
    body: { rescued: 'UPSTREAM_UNREACHABLE', themed: true },
  });
});
