/**
 * What the gateway and a hook cost, as ratios to the same request sent straight to the upstream, in one run:
 * `npx -y pnpm@12 exec node tests/bench/gateway.ts`. Medians of interleaved rounds; bodies of 1 KB and 100 KB.
 */
import { createServer } from 'node:http';
import { once } from 'node:events';
import { createApp } from '@omniroute/server/app';
import { parseConfig } from '@omniroute/server/config';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { fixture } from '../helpers/fixture.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const rounds = 15;
const requestsPerRound = 100;

await using folder = await temporaryFolder();
const upstream = createServer((incoming, response) => {
  incoming.resume().on('end', () => {
    response.setHeader('content-type', 'application/json').end('{"choices":[]}');
  });
}).listen(0, '127.0.0.1');
await once(upstream, 'listening');
const address = upstream.address();
const direct = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/v1`;

await using app = await createApp(
  parseConfig({
    PORT: '0',
    OMNIROUTE_DATA_DIR: folder.path,
    OMNIROUTE_UPSTREAM_URL: direct,
    LOG_LEVEL: 'silent',
  }),
);
const service = `http://127.0.0.1:${app.port}`;
const token = (await readFile(join(folder.path, 'auth-token'), 'utf8')).trim();

for (const kilobytes of [1, 100]) {
  const body = JSON.stringify({
    model: 'm',
    messages: [{ role: 'user', content: 'x'.repeat(kilobytes * 1024) }],
  });
  await report(`${kilobytes} KB, no plugin`, body);
  await manage('/api/plugins', { path: fixture('sets-metadata') });
  await manage('/api/plugins/sets-metadata/activate');
  await report(`${kilobytes} KB, a plugin with onRequest and onResponse`, body);
  await manage('/api/plugins/sets-metadata', undefined, 'DELETE');
}
upstream.close();

async function report(name: string, body: string): Promise<void> {
  const straight: number[] = [];
  const through: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    straight.push(await time(direct, body));
    through.push(await time(`${service}/v1`, body));
  }
  const [a, b] = [median(straight), median(through)];
  console.log(
    `${name}: ${(b / a).toFixed(2)} × direct (${a.toFixed(0)} µs direct, ${b.toFixed(0)} µs through the gateway)`,
  );
}

/** Microseconds per request, one after the other. */
async function time(base: string, body: string): Promise<number> {
  const start = performance.now();
  for (let count = 0; count < requestsPerRound; count += 1) {
    const options = { method: 'POST', headers: { 'content-type': 'application/json' }, body } as const;
    await (await request(`${base}/chat/completions`, options)).body.dump();
  }
  return ((performance.now() - start) * 1_000) / requestsPerRound;
}

async function manage(path: string, body?: object, method: 'POST' | 'DELETE' = 'POST'): Promise<void> {
  const response = await request(service + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    body: body ? JSON.stringify(body) : null,
  });
  if (response.statusCode >= 400) throw new Error(await response.body.text());
  await response.body.dump();
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
