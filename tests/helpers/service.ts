import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type App, createApp } from '@omniroute/server/app';
import { parseConfig } from '@omniroute/server/config';
import { createLogger } from '@omniroute/server/logger';
import type { SandboxTools } from '@omniroute/server/plugin-process/layers/layer';
import { systemRuntime } from '@omniroute/server/runtime';
import type { ErrorBody } from '@omniroute/shared/error-code';
import type { LogLine, PluginDetail, PluginSummary } from '@omniroute/shared/plugin';
import { fixture } from './fixture.ts';
import { probeOnce } from './probe-once.ts';
import { type Answer, type RestCaller, restCaller } from './rest-caller.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface ChatOptions {
  content?: string;
  stream?: boolean;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** The whole service in this process, on a free port, over a data directory of its own. */
export interface Service extends AsyncDisposable {
  readonly app: App;
  readonly url: string;
  readonly token: string;
  readonly loginUrl: string;
  readonly dataDir: string;
  /** What the service logged, one JSON line each. */
  readonly log: string[];
  /** An authenticated REST call; the body of the answer is read as JSON. */
  readonly call: RestCaller;
  /** Installs a fixture, and activates it unless told otherwise. Throws where either fails. */
  add(name: string, options?: { activate?: boolean }): Promise<PluginDetail>;
  plugin(name: string): Promise<PluginDetail>;
  plugins(): Promise<PluginSummary[]>;
  logs(name: string): Promise<LogLine[]>;
  /** Sends a chat request to the gateway. */
  chat(options?: ChatOptions): Promise<Response>;
  /** Resolves when `check` holds; asks again every 20 ms. */
  until<T>(check: () => Promise<T | false | null | undefined>): Promise<T>;
}

export interface ServiceOptions {
  /** Where the test keeps it over restarts; without it the folder is removed at the end. */
  dataDir?: string;
  env?: Record<string, string>;
  now?: () => Date;
  monotonicMs?: () => number;
  /** For so long a change waits for another program that holds the database. */
  databaseWaitMs?: number;
  /** What to confine plugins with, where that is not what this machine has. */
  findSandboxTools?: () => SandboxTools;
}

export async function startService(options: ServiceOptions = {}): Promise<Service> {
  await using cleanup = new AsyncDisposableStack();
  const dataDir = options.dataDir ?? cleanup.use(await temporaryFolder()).path;
  const log: string[] = [];
  const config = parseConfig({ PORT: '0', OMNIROUTE_DATA_DIR: dataDir, LOG_LEVEL: 'debug', ...options.env });
  const app = await createApp(config, {
    logger: createLogger('debug', { write: (line) => log.push(line) }),
    ...(options.findSandboxTools
      ? { findSandboxTools: options.findSandboxTools }
      : { probeIsolation: probeOnce }),
    runtime: {
      ...systemRuntime,
      ...(options.now ? { now: options.now } : {}),
      ...(options.monotonicMs ? { monotonicMs: options.monotonicMs } : {}),
    },
    ...(options.databaseWaitMs === undefined ? {} : { databaseWaitMs: options.databaseWaitMs }),
  });
  cleanup.use(app);
  const url = `http://127.0.0.1:${app.port}`;
  const token = config.authToken ?? (await readFile(join(dataDir, 'auth-token'), 'utf8')).trim();
  const running = cleanup.move();

  const call = restCaller(url, token);
  const expectDone = <T>({ status, body }: Answer<T>): T => {
    if (status >= 400) throw new Error(`${status} ${(body as ErrorBody).error.message}`);
    return body;
  };
  const plugin = async (name: string) =>
    expectDone(await call<{ plugin: PluginDetail }>('GET', `/api/plugins/${name}`)).plugin;

  return {
    app,
    url,
    token,
    loginUrl: app.loginUrl,
    dataDir,
    log,
    call,
    plugin,
    add: async (name, { activate = true } = {}) => {
      const installed = expectDone(
        await call<{ plugin: PluginDetail }>('POST', '/api/plugins', { path: fixture(name) }),
      );
      if (!activate) return installed.plugin;
      expectDone(await call('POST', `/api/plugins/${installed.plugin.name}/activate`));
      return plugin(installed.plugin.name);
    },
    plugins: async () => expectDone(await call<{ plugins: PluginSummary[] }>('GET', '/api/plugins')).plugins,
    logs: async (name) =>
      expectDone(await call<{ lines: LogLine[] }>('GET', `/api/plugins/${name}/logs`)).lines,
    chat: ({ content = 'hello', stream = false, headers = {}, signal } = {}) =>
      fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ model: 'test-model', stream, messages: [{ role: 'user', content }] }),
        ...(signal ? { signal } : {}),
      }),
    until: poll,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Asks again until `check` holds. The test's own timeout ends it. */
export async function poll<T>(check: () => Promise<T | false | null | undefined>): Promise<T> {
  for (;;) {
    const value = await check();
    if (value !== false && value !== null && value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
