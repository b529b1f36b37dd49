import { secretsEqual } from '../auth/secret.ts';
import { PluginError } from '../errors.ts';
import { isLoopbackAddress } from '../loopback.ts';
import { headerNames, headerValues } from './headers.ts';

/**
 * Who may call a route. `manage`: the operator on this machine. `procedures`: this machine; each procedure says
 * whether it wants the operator. `local`: this machine. `gateway`: applications.
 */
export type AccessClass = 'manage' | 'procedures' | 'local' | 'gateway';

export interface RequestFacts {
  method: string;
  /** The peer of the socket; headers say nothing about it. */
  peer: string | undefined;
  rawHeaders: readonly string[];
  /** The port that this service listens on. */
  port: number;
}

export interface GatewayRules {
  /** Demanded of every call if set. */
  key: string | null;
  /** The gateway listens on the network: any Host will do, since the key is demanded. */
  exposed: boolean;
}

const ownHost = /^(localhost\.?|127\.0\.0\.1\.?|\[::1\])(?::(\d{1,5}))?$/i;

// A tunnel or a reverse proxy on this machine connects from loopback, too: these give it away.
const forwardingHeaders = new Set([
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-originating-ip',
  'fastly-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'cf-ray',
  'cdn-loop',
  'fly-client-ip',
]);

/** Why this request may not reach a route of this machine's own, whatever its credentials; null if it may. */
export function localRefusal(
  facts: RequestFacts,
  access: Exclude<AccessClass, 'gateway'>,
): PluginError | null {
  if (!isLoopbackAddress(facts.peer)) return localOnly('Open it on the machine that the service runs on.');
  if (!hasOwnHost(facts)) return localOnly(`Use http://localhost:${facts.port}.`);
  if (headerNames(facts.rawHeaders).some(isForwardingHeader)) {
    return localOnly('It does not answer through a proxy or a tunnel.');
  }
  return comesFromElsewhere(facts, access) ? localOnly('Other sites may not call it.') : null;
}

/** Why this request may not reach the gateway; null if it may. */
export function gatewayRefusal(facts: RequestFacts, { key, exposed }: GatewayRules): PluginError | null {
  if (!exposed && !(isLoopbackAddress(facts.peer) && hasOwnHost(facts))) {
    return localOnly(`The gateway's address is http://localhost:${facts.port}/v1.`);
  }
  if (hasForeignOrigin(facts) || fetchSite(facts) === 'cross-site' || isForeignWrite(facts)) {
    return new PluginError('FORBIDDEN', 'Web pages of other sites may not call the gateway.');
  }
  if (key !== null && !carriesKey(facts, key)) {
    return new PluginError(
      'AUTH_REQUIRED',
      "Send the gateway's key as `Authorization: Bearer <OMNIROUTE_GATEWAY_KEY>`.",
    );
  }
  if (facts.method === 'POST' && !hasGatewayContentType(facts)) {
    return new PluginError(
      'UNSUPPORTED_MEDIA_TYPE',
      'Send the body as application/json or multipart/form-data.',
    );
  }
  return null;
}

function hasOwnHost({ rawHeaders, port }: RequestFacts): boolean {
  const hosts = headerValues(rawHeaders, 'host');
  const match = hosts.length === 1 ? ownHost.exec(hosts[0] ?? '') : null;
  return match !== null && (match[2] === undefined || match[2] === String(port));
}

function isForwardingHeader(name: string): boolean {
  return name.startsWith('x-forwarded-') || forwardingHeaders.has(name);
}

function comesFromElsewhere(facts: RequestFacts, access: AccessClass): boolean {
  if (hasForeignOrigin(facts) || isForeignWrite(facts)) return true;
  const reads = facts.method === 'GET' || facts.method === 'HEAD';
  if (access === 'local' && reads) return false;
  return hasForeignReferer(facts) || headerValues(facts.rawHeaders, 'sec-fetch-mode').includes('no-cors');
}

function hasForeignOrigin({ rawHeaders }: RequestFacts): boolean {
  return headerValues(rawHeaders, 'origin').some((origin) => origin !== originOf(rawHeaders));
}

function isForeignWrite(facts: RequestFacts): boolean {
  const site = fetchSite(facts);
  return facts.method !== 'GET' && site !== undefined && site !== 'same-origin' && site !== 'none';
}

/** Two values are joined, and so equal none that is let through. */
function fetchSite({ rawHeaders }: RequestFacts): string | undefined {
  const sites = headerValues(rawHeaders, 'sec-fetch-site');
  return sites.length === 0 ? undefined : sites.join();
}

/** Only where there is no Origin, which says the same with more authority. */
function hasForeignReferer({ rawHeaders }: RequestFacts): boolean {
  if (headerValues(rawHeaders, 'origin').length > 0) return false;
  return headerValues(rawHeaders, 'referer').some(
    (referer) => URL.parse(referer)?.origin !== originOf(rawHeaders),
  );
}

function originOf(rawHeaders: readonly string[]): string {
  return `http://${headerValues(rawHeaders, 'host').join().toLowerCase()}`;
}

function carriesKey({ rawHeaders }: RequestFacts, key: string): boolean {
  const values = headerValues(rawHeaders, 'authorization');
  const bearer = /^Bearer +(\S+)$/i.exec(values[0] ?? '');
  return values.length === 1 && secretsEqual(bearer?.[1] ?? '', key);
}

function hasGatewayContentType({ rawHeaders }: RequestFacts): boolean {
  const types = headerValues(rawHeaders, 'content-type');
  return types.length === 1 && /^(application\/json|multipart\/form-data) *(;|$)/i.test(types[0] ?? '');
}

function localOnly(hint: string): PluginError {
  return new PluginError('LOCAL_ONLY', `Only this machine may do this. ${hint}`);
}
