import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Analytics } from './analytics/analytics.ts';
import { AnalyticsRepository } from './analytics/analytics-repository.ts';
import { AuthService } from './auth/auth-service.ts';
import { readManagementToken } from './auth/management-token.ts';
import { readSecretFile } from './auth/secret-file.ts';
import { SessionRepository } from './auth/session-repository.ts';
import type { Config } from './config.ts';
import { openDataDir } from './database/data-dir.ts';
import { openDatabase } from './database/open-database.ts';
import { ServiceLock } from './database/service-lock.ts';
import { EventBus } from './event-bus.ts';
import { EmbeddedUpstream } from './gateway/embedded-upstream.ts';
import { Gateway } from './gateway/gateway.ts';
import { UpstreamSelector } from './gateway/upstream-selector.ts';
import { connectionLimits } from './http/limits.ts';
import { HttpServer } from './http/server.ts';
import { createLogger, type Logger } from './logger.ts';
import { Catalog } from './marketplace/catalog.ts';
import { createGuardedRequest } from './outbound/guarded-request.ts';
import { HostAllowList } from './outbound/host-allow-list.ts';
import { dialTcp } from './outbound/open-connection.ts';
import { isOwnAddress } from './outbound/own-address.ts';
import { lookUp, queryDns } from './outbound/resolvers.ts';
import { HookRegistry } from './pipeline/hook-registry.ts';
import { JsonPipeline } from './pipeline/json-pipeline.ts';
import { Pipeline } from './pipeline/pipeline.ts';
import type { probeIsolation } from './plugin-process/isolation-probe.ts';
import { findSandboxTools } from './plugin-process/layers/find-tools.ts';
import type { SandboxTools } from './plugin-process/layers/layer.ts';
import { Sandbox } from './plugin-process/sandbox.ts';
import { createPlugins } from './plugins/create-plugins.ts';
import { OperationRepository } from './plugins/operation-repository.ts';
import { PluginRepository } from './plugins/plugin-repository.ts';
import { PluginVersionRepository } from './plugins/plugin-version-repository.ts';
import { type Runtime, systemRuntime } from './runtime.ts';
import { SettingsRepository } from './settings/settings-repository.ts';
import { SettingsService } from './settings/settings-service.ts';

export interface AppOverrides {
  /** Aborts when the service should end before it has started; `createApp` rejects with its reason then. */
  signal?: AbortSignal;
  runtime?: Runtime;
  logger?: Logger;
  /** For so long a change waits for another program that holds the database. */
  databaseWaitMs?: number;
  /** What to confine plugins with, where that is not what this machine has. */
  findSandboxTools?: () => SandboxTools;
  /** Runs the canaries, where that is not to be done anew. */
  probeIsolation?: typeof probeIsolation;
}

export interface App extends AsyncDisposable {
  readonly dataDir: string;
  readonly port: number;
  /** A one-time link into the dashboard. */
  readonly loginUrl: string;
  readonly plugins: { active: number; enabled: number };
  readonly safeMode: boolean;
}

/**
 * Starts the whole service and resolves when it listens: every enabled plugin runs, or is in `error`, by then.
 * Throws StartupError with a sentence for the operator; nothing is left open then.
 */
export async function createApp(config: Config, overrides: AppOverrides = {}): Promise<App> {
  await using cleanup = new AsyncDisposableStack();
  const runtime = overrides.runtime ?? systemRuntime;
  const logger = overrides.logger ?? createLogger(config.logLevel);
  const startedAt = performance.now();

  const dataDir = await openDataDir(config.dataDir);
  const lock = await ServiceLock.acquire(dataDir);
  cleanup.defer(() => lock.release());
  // The canaries are processes of their own: they run while the database is opened.
  const looking = Sandbox.open({
    findTools: overrides.findSandboxTools ?? findSandboxTools,
    allowExec: config.allowExec,
    runtime,
    logger,
    probe: overrides.probeIsolation,
  });
  cleanup.defer(async () => void (await looking));
  const database = await openDatabase({
    file: join(dataDir, 'omniroute.sqlite'),
    migrationsDir: config.migrationsDir,
    check: lock.followsAKill,
    maxWaitMs: overrides.databaseWaitMs,
  });
  cleanup.defer(() => database.destroy());

  const port = () => server.port;
  const events = new EventBus();
  const settings = new SettingsService({ repository: new SettingsRepository(database), runtime, port });
  const managementToken = config.authToken ?? (await readManagementToken(dataDir));
  const auth = new AuthService({ sessions: new SessionRepository(database), managementToken, runtime, port });
  await auth.start();

  const stored = await settings.read();
  let paused = stored.pluginsPaused;
  const isPaused = () => config.safeMode || paused;
  const analytics = new Analytics({
    repository: new AnalyticsRepository(database),
    events,
    runtime,
    logger,
    retentionDays: stored.analyticsRetentionDays,
  });
  cleanup.defer(() => analytics.stop());
  analytics.start();
  const registry = new HookRegistry();
  const sandbox = await looking;
  const { manager, reader, starter, runner, observer } = createPlugins({
    repository: new PluginRepository(database),
    versions: new PluginVersionRepository(database),
    operations: new OperationRepository(database, runtime),
    dataDir,
    registry,
    events,
    runtime,
    logger,
    sandbox,
    request: createGuardedRequest({
      exceptions: new HostAllowList(config.outboundAllowHosts),
      resolve: queryDns(),
      resolveException: lookUp,
      dial: dialTcp,
      isOwn: (address, asked) => asked === port() && isOwnAddress(address),
    }),
    counter: analytics,
    mayRun: () => !isPaused(),
  });
  sandbox.onProbed(() => void reader.announceAll());
  const pipeline = new Pipeline({ registry, invoker: runner, observer });
  const hmacKey = await readSecretFile(join(dataDir, 'hmac-key'), () => randomBytes(32));
  const upstreams = new UpstreamSelector({
    fixed: { url: config.upstreamUrl, apiKey: config.upstreamApiKey },
    embedded: new EmbeddedUpstream(() => runtime.now()),
    ownPort: port,
    logger,
  });
  upstreams.configure(stored);
  settings.onChange(async (changed) => {
    upstreams.configure(changed);
    analytics.keep(changed.analyticsRetentionDays);
    if (changed.pluginsPaused === paused) return;
    paused = changed.pluginsPaused;
    await starter.applyPause();
  });

  const server: HttpServer = new HttpServer({
    services: {
      plugins: manager,
      pipeline: new JsonPipeline(pipeline, { runtime, hmacKey }),
      catalog: new Catalog({
        seedDir: config.catalogDir,
        registryUrl: async () => (await settings.read()).pluginMarketplaceUrl,
      }),
      settings,
      analytics: analytics.service,
      auth,
      isolation: sandbox,
      events,
      health: async () => ({
        status: server.stopping ? 'stopping' : 'ready',
        version: config.version,
        uptimeMs: Math.round(performance.now() - startedAt),
        safeMode: isPaused(),
        plugins: await reader.counts(),
      }),
      gateway: new Gateway({ pipeline, upstreams, runtime, logger, hmacKey }),
    },
    logger,
    runtime,
    port: config.port,
    host: config.host,
    gatewayKey: config.gatewayKey,
    webDir: config.webDir,
    limits: connectionLimits,
  });

  cleanup.defer(() => upstreams.close());
  cleanup.defer(() => starter.stop());
  const { signal } = overrides;
  signal?.throwIfAborted();
  signal?.addEventListener('abort', () => starter.interrupt(), { once: true });
  await starter.start();
  // Plugins that an abort kept from starting are not registered: no request may pass them.
  signal?.throwIfAborted();
  cleanup.defer(() => server.close());
  cleanup.defer(() => starter.interrupt());
  await server.listen();
  await lock.announce({ pid: process.pid, port: server.port, startedAt: runtime.now().toISOString() });
  logger.info({ port: server.port, dataDir }, 'service.ready');

  const { active } = await reader.counts();
  const running = cleanup.move();
  return {
    dataDir,
    port: server.port,
    loginUrl: auth.createLoginCode().url,
    plugins: { active, enabled: await reader.enabledCount() },
    safeMode: isPaused(),
    [Symbol.asyncDispose]: async () => {
      logger.info({ port: server.port }, 'service.stopping');
      await running.disposeAsync();
    },
  };
}
