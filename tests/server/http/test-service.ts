import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AuthService } from '@omniroute/server/auth/auth-service';
import { SessionRepository } from '@omniroute/server/auth/session-repository';
import { openDatabase } from '@omniroute/server/database/open-database';
import { PluginError } from '@omniroute/server/errors';
import { EventBus } from '@omniroute/server/event-bus';
import { type ConnectionLimits, connectionLimits } from '@omniroute/server/http/limits';
import { HttpServer } from '@omniroute/server/http/server';
import type { PluginService, Services } from '@omniroute/server/http/services';
import { createLogger } from '@omniroute/server/logger';
import { SettingsRepository } from '@omniroute/server/settings/settings-repository';
import { SettingsService } from '@omniroute/server/settings/settings-service';
import { systemRuntime } from '@omniroute/server/runtime';
import type { MachineIsolation } from '@omniroute/shared/isolation';
import { type RawAnswer, type RawRequest, sendRaw } from './raw-request.ts';

export const token = 'test-management-token';
export const migrationsDir = fileURLToPath(new URL('../../../migrations', import.meta.url));

interface TestServiceOptions {
  gatewayKey?: string;
  host?: string;
  plugins?: Partial<PluginService>;
  gateway?: Services['gateway'];
  dataDir?: string;
  managementToken?: string;
  /** Instead of those of production. */
  limits?: Partial<ConnectionLimits>;
}

export interface TestService extends AsyncDisposable {
  port: number;
  server: HttpServer;
  auth: AuthService;
  events: EventBus;
  /** The names of the domain's methods that requests have reached. */
  calls: string[];
  /** Lines that the service logged. */
  log: string[];
  clock: { now: Date };
  send(request: RawRequest): Promise<RawAnswer>;
  /** With the management token. */
  manage(request: RawRequest): Promise<RawAnswer>;
}

/** The real HTTP layer over a real database; the plugin domain is a stand-in that only notes that it was called. */
export async function startTestService(options: TestServiceOptions = {}): Promise<TestService> {
  const ownDir = options.dataDir === undefined;
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'omniroute-http-')));
  const webDir = join(dataDir, 'web');
  await writeDashboard(webDir);
  const clock = { now: new Date('2026-01-01T00:00:00Z') };
  const runtime = { ...systemRuntime, now: () => clock.now };
  const database = await openDatabase({ file: join(dataDir, 'omniroute.sqlite'), migrationsDir });
  const events = new EventBus();
  const calls: string[] = [];
  const log: string[] = [];
  const logger = createLogger('info', { write: (line) => log.push(line) });
  const port = () => server.port;
  const auth = new AuthService({
    sessions: new SessionRepository(database),
    managementToken: options.managementToken ?? token,
    runtime,
    port,
  });
  await auth.start();
  const isolation: MachineIsolation = {
    level: 1,
    layers: [],
    gaps: [],
    canaries: [],
    checkedAt: clock.now.toISOString(),
  };
  const services: Services = {
    plugins: { ...standInPlugins(calls), ...options.plugins },
    pipeline: {
      request: async ({ body, metadata }) => ({
        requestId: 'r',
        blocked: false,
        body,
        metadata,
        headers: {},
      }),
      response: async ({ response, metadata }) => ({ response, metadata }),
      error: async () => ({}),
    },
    catalog: { list: async () => ({ plugins: [], total: 0, source: 'seed' }) },
    analytics: {
      metrics: async ({ windowMinutes }) => ({ metrics: [], windowMinutes, hooks: [] }),
      get: async () => ({ calls: [], minutes: [] }),
      overview: async () => ({ windowMinutes: 60, plugins: [] }),
    },
    settings: new SettingsService({ repository: new SettingsRepository(database), runtime, port }),
    auth,
    isolation: { isolation, probe: async () => isolation },
    events,
    health: async () => ({
      status: server.stopping ? 'stopping' : 'ready',
      version: '0.0.0',
      uptimeMs: 1,
      safeMode: false,
      plugins: { installed: 0, active: 0, restarting: 0, inactive: 0, error: 0 },
    }),
    gateway: options.gateway ?? {
      handle: (_request, response) => {
        calls.push('gateway');
        response.end('{}');
      },
    },
  };
  const server = new HttpServer({
    services,
    logger,
    runtime,
    port: 0,
    host: options.host ?? null,
    gatewayKey: options.gatewayKey ?? null,
    webDir,
    limits: { ...connectionLimits, ...options.limits },
  });
  await server.listen();
  const send = (request: RawRequest) => sendRaw(server.port, request);
  return {
    port: server.port,
    server,
    auth,
    events,
    calls,
    log,
    clock,
    send,
    manage: ({ headers = [], ...request }) =>
      send({
        ...request,
        headers: [...headers, ['Authorization', `Bearer ${options.managementToken ?? token}`]],
      }),
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await database.destroy();
      if (ownDir) await rm(dataDir, { recursive: true });
    },
  };
}

function standInPlugins(calls: string[]): PluginService {
  const done = (name: string) => async () => {
    calls.push(name);
    return { success: true as const, message: name };
  };
  return {
    list: async () => {
      calls.push('list');
      return [];
    },
    get: async (name) => {
      throw new PluginError('PLUGIN_NOT_FOUND', `There is no plugin "${name}".`);
    },
    install: async () => {
      calls.push('install');
      throw new PluginError('INSTALL_FAILED', 'It does not install.');
    },
    scan: async () => {
      calls.push('scan');
      return { discovered: 0, errors: [] };
    },
    activate: done('activate'),
    deactivate: done('deactivate'),
    restart: done('restart'),
    rollback: done('rollback'),
    uninstall: done('uninstall'),
    config: async () => ({ config: {}, effective: {}, configSchema: {} }),
    updateConfig: async (_name, config) => ({ success: true, config }),
    logs: async () => [],
    doctor: async (plugin) => ({ plugin, result: 'pass', checks: [] }),
  };
}

async function writeDashboard(webDir: string): Promise<void> {
  await mkdir(join(webDir, 'assets'), { recursive: true });
  await writeFile(
    join(webDir, 'index.html'),
    '<!doctype html><meta name="csp-nonce" content="__CSP_NONCE__"><title>OmniRoute Plugins</title>',
  );
  await writeFile(join(webDir, 'assets', 'app.js'), 'export {};');
  await writeFile(join(webDir, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
}
