import { runRequest } from './plugin-calls.ts';
import { addVariant } from './plugin-variant.ts';
import { type Service, type ServiceOptions, startService } from './service.ts';
import type { TestUpstream } from './upstream.ts';

export interface FetchCall {
  url: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  /** What the body is to be. Default: a string. */
  as?: 'string' | 'bytes' | 'buffer' | 'blob' | 'params' | 'form' | 'stream';
  /** The body so many times. */
  repeat?: number;
  input?: 'url' | 'request';
  redirect?: 'follow' | 'manual' | 'error';
  integrity?: string;
  timeoutMs?: number;
  abortMs?: number;
  useHookSignal?: boolean;
}

/** What the fixture `fetches-as-told` tells of one call: of its Response, or of what it rejected with. */
export interface FetchOutcome {
  status?: number;
  statusText?: string;
  ok?: boolean;
  url?: string;
  cookies?: string[];
  headers?: Record<string, string>;
  length?: number;
  text?: string;
  name?: string;
  message?: string;
  code?: string;
  reason?: string;
  ms?: number;
}

/** A service whose operator lets plugins reach `upstream`, where they list it. */
export function startServiceBeside(
  upstream: Pick<TestUpstream, 'port'>,
  options: ServiceOptions = {},
): Promise<Service> {
  const env = { OMNIROUTE_OUTBOUND_ALLOW_HOSTS: `127.0.0.1:${upstream.port}`, ...options.env };
  return startService({ ...options, env });
}

/** Installs and activates `fetches-as-told`, with these `requires.hosts`. */
export async function addFetcher(service: Service, hosts: string[], name = 'fetches-as-told'): Promise<void> {
  const requires = { permissions: ['network'], hosts };
  await addVariant(service, 'fetches-as-told', { name, requires });
}

/** Has the fixture make these requests, all at once. */
export async function fetchAll(service: Service, calls: FetchCall[]): Promise<FetchOutcome[]> {
  const { metadata } = await runRequest(service, { calls });
  const outcomes = metadata['outcomes'];
  if (Array.isArray(outcomes)) return outcomes;
  throw new Error(`the fixture did not answer: ${JSON.stringify(await service.plugins())}`);
}

export async function fetchOne(service: Service, call: FetchCall): Promise<FetchOutcome> {
  const [outcome = {}] = await fetchAll(service, [call]);
  return outcome;
}
