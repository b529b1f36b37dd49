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
import { HttpServer } from './http/server.ts';
import { createLogger, type Logger } from './logger.ts';
import { Catalog } from './marketplace/catalog.ts';
import { HookRegistry } from './pipeline/hook-registry.ts';
import { JsonPipeline } from './pipeline/json-pipeline.ts';
import { Pipeline } from './pipeline/pipeline.ts';
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
  /** What to confine plugins with, where that is not what this machine has. */
  findSandboxTools?: () => SandboxTools;
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

  warnOfNoEffect(config, logger);

  const dataDir = await openDataDir(config.dataDir);
  const lock = await ServiceLock.acquire(dataDir);
  cleanup.defer(() => lock.release());
  // The canaries are processes of their own: they run while the database is opened.
  const looking = Sandbox.open({
    findTools: overrides.findSandboxTools ?? findSandboxTools,
    allowExec: config.allowExec,
    runtime,
    logger,
  });
  cleanup.defer(async () => void (await looking));
  const database = await openDatabase({
    file: join(dataDir, 'omniroute.sqlite'),
    migrationsDir: config.migrationsDir,
    check: lock.followsAKill,
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
  const { manager, runner, observer } = createPlugins({
    repository: new PluginRepository(database),
    versions: new PluginVersionRepository(database),
    operations: new OperationRepository(database, runtime),
    dataDir,
    registry,
    events,
    runtime,
    logger,
    sandbox,
    counter: analytics,
    mayRun: () => !isPaused(),
  });
  sandbox.onProbed(() => void manager.announceAll());
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
    await manager.applyPause();
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
        plugins: await manager.counts(),
      }),
      gateway: new Gateway({ pipeline, upstreams, runtime, logger, hmacKey }),
    },
    logger,
    runtime,
    port: config.port,
    host: config.host,
    gatewayKey: config.gatewayKey,
    webDir: config.webDir,
  });

  cleanup.defer(() => upstreams.close());
  cleanup.defer(() => manager.stop());
  const { signal } = overrides;
  signal?.throwIfAborted();
  signal?.addEventListener('abort', () => manager.interrupt(), { once: true });
  await manager.start();
  // Plugins that an abort kept from starting are not registered: no request may pass them.
  signal?.throwIfAborted();
  cleanup.defer(() => server.close());
  cleanup.defer(() => manager.interrupt());
  await server.listen();
  await lock.announce({ pid: process.pid, port: server.port, startedAt: runtime.now().toISOString() });
  logger.info({ port: server.port, dataDir }, 'service.ready');

  const { active } = await manager.counts();
  const running = cleanup.move();
  return {
    dataDir,
    port: server.port,
    loginUrl: auth.createLoginCode().url,
    plugins: { active, enabled: await manager.enabledCount() },
    safeMode: isPaused(),
    [Symbol.asyncDispose]: async () => {
      logger.info({ port: server.port }, 'service.stopping');
      await running.disposeAsync();
    },
  };
}

/** A setting that does nothing must not look as if it did. */
function warnOfNoEffect({ outboundAllowHosts }: Config, logger: Logger): void {
  const names = outboundAllowHosts.length > 0 ? ['OMNIROUTE_OUTBOUND_ALLOW_HOSTS'] : [];
  if (names.length > 0) logger.warn({ names }, 'config.no-effect-in-this-version');
}
