import { type App, createApp } from './app.ts';
import { parseConfig, readEnv } from './config.ts';
import { StartupError } from './startup-error.ts';

/** Whoever stops a service kills it when ten seconds are over. */
const stopTimeoutMs = 9_500;

// Listened for from the start: a signal that comes while the service starts ends it as soon as it has.
const ending = new AbortController();
process.once('SIGINT', end).once('SIGTERM', end);

try {
  const app = await createApp(parseConfig(readEnv()), { signal: ending.signal });
  console.log(greeting(app));
  await aborted(ending.signal);
  await app[Symbol.asyncDispose]();
} catch (error) {
  if (error instanceof StartupError) {
    console.error(error.message);
    process.exitCode = 1;
  } else if (error !== ending.signal.reason) throw error;
}

function end(): void {
  setTimeout(giveUp, stopTimeoutMs).unref();
  ending.abort();
}

/** What is cut short here is put in order by the next start, as after a kill. */
function giveUp(): never {
  console.error('The service did not stop in time, and ends now. The next start puts in order what is left.');
  process.exit(1);
}

function greeting({ port, dataDir, plugins, loginUrl, safeMode }: App): string {
  return [
    `OmniRoute Plugins listens on http://localhost:${port}`,
    '',
    `  Dashboard  ${loginUrl}  (one use, 10 minutes; \`npx -y pnpm@12 login-link\` makes another)`,
    `  Gateway    http://localhost:${port}/v1`,
    `  Data       ${dataDir}`,
    `  Plugins    ${safeMode ? 'none runs: safe mode is on, or plugins are paused' : pluginCounts(plugins)}`,
    '',
  ].join('\n');
}

function pluginCounts({ active, enabled }: App['plugins']): string {
  const failed = enabled - active;
  return failed > 0 ? `${active} active, ${failed} did not start` : `${active} active`;
}

async function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  if (!signal.aborted) await promise;
}
