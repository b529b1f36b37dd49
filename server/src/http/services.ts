import type { IncomingMessage, ServerResponse } from 'node:http';
import type {
  AnalyticsInput,
  AnalyticsOutput,
  MetricsInput,
  MetricsOutput,
  OverviewOutput,
} from '@omniroute/shared/analytics';
import type { DoctorReport } from '@omniroute/shared/doctor';
import type { Health } from '@omniroute/shared/health';
import type { MachineIsolation } from '@omniroute/shared/isolation';
import type { CatalogListInput, CatalogListOutput } from '@omniroute/shared/marketplace';
import type {
  PipelineErrorInput,
  PipelineErrorOutput,
  PipelineRequestInput,
  PipelineRequestOutput,
  PipelineResponseInput,
  PipelineResponseOutput,
} from '@omniroute/shared/pipeline';
import type {
  Done,
  InstallInput,
  InstallOutput,
  LogLine,
  PluginConfigOutput,
  PluginDetail,
  PluginStatus,
  PluginSummary,
  ScanOutput,
  UpdateConfigOutput,
} from '@omniroute/shared/plugin';
import type { PluginConfig } from '@omniroute/shared/plugin-config';
import type { Settings, SettingsPatch } from '@omniroute/shared/settings';
import type { AuthService } from '../auth/auth-service.ts';
import type { EventBus } from '../event-bus.ts';

/** What the interfaces need of the service. Each method throws PluginError. */
export interface Services {
  plugins: PluginService;
  pipeline: PipelineService;
  catalog: { list(input: CatalogListInput): Promise<CatalogListOutput> };
  analytics: {
    metrics(input: MetricsInput): Promise<MetricsOutput>;
    get(input: AnalyticsInput): Promise<AnalyticsOutput>;
    overview(): Promise<OverviewOutput>;
  };
  settings: { get(): Promise<Settings>; update(patch: SettingsPatch): Promise<Settings> };
  auth: AuthService;
  /** What confines plugins on this machine; `probe` looks again. */
  isolation: { readonly isolation: MachineIsolation; probe(): Promise<MachineIsolation> };
  events: EventBus;
  health(): Promise<Health>;
  gateway: { handle(request: IncomingMessage, response: ServerResponse, call: GatewayCall): void };
}

export interface GatewayCall {
  requestId: string;
  /** The gateway's own key, which the caller sent and which is among the headers no more; null if none is demanded. */
  provenKey: string | null;
}

export interface PluginService {
  list(filter: { status?: PluginStatus }): Promise<PluginSummary[]>;
  get(name: string): Promise<PluginDetail>;
  install(input: InstallInput): Promise<InstallOutput>;
  scan(): Promise<ScanOutput>;
  activate(name: string): Promise<Done>;
  deactivate(name: string): Promise<Done>;
  restart(name: string): Promise<Done>;
  rollback(name: string): Promise<Done>;
  uninstall(name: string): Promise<Done>;
  config(name: string): Promise<PluginConfigOutput>;
  updateConfig(name: string, config: PluginConfig): Promise<UpdateConfigOutput>;
  logs(name: string, tail: number): Promise<LogLine[]>;
  doctor(name: string): Promise<DoctorReport>;
}

/** The hooks without the gateway in front: bodies are JSON values. */
export interface PipelineService {
  request(input: PipelineRequestInput, signal: AbortSignal | undefined): Promise<PipelineRequestOutput>;
  response(input: PipelineResponseInput, signal: AbortSignal | undefined): Promise<PipelineResponseOutput>;
  error(input: PipelineErrorInput, signal: AbortSignal | undefined): Promise<PipelineErrorOutput>;
}
