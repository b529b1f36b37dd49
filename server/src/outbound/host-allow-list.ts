import { hostPatternSchema } from '@omniroute/shared/host-pattern';

interface Entry {
  hostname: string;
  /** Whether the host is any name below `hostname`, not itself. */
  wildcard: boolean;
  /** null: any port. */
  port: string | null;
}

/**
 * A list of hosts, `host`, `host:port` or `*.host`, as `requires.hosts` of a plugin and
 * `OMNIROUTE_OUTBOUND_ALLOW_HOSTS` hold it. Without a port an entry means every port. Hosts are compared as the URL
 * parser spells them. An entry that is none matches nothing.
 */
export class HostAllowList {
  readonly #entries: readonly Entry[];

  constructor(patterns: readonly string[]) {
    this.#entries = patterns.flatMap((pattern) => entryOf(pattern) ?? []);
  }

  /** Whether the list covers the host and port of a URL. */
  includes(url: URL): boolean {
    return this.#entries.some((entry) => portFits(entry, url) && hostFits(entry, url.hostname));
  }

  /** Whether the list has the host by its own name or address, not below a wildcard. */
  names(url: URL): boolean {
    return this.#entries.some(
      (entry) => !entry.wildcard && portFits(entry, url) && hostFits(entry, url.hostname),
    );
  }
}

function entryOf(pattern: string): Entry | undefined {
  if (!hostPatternSchema.safeParse(pattern).success) return undefined;
  const [, star, host = '', port] = /^(\*\.)?(.+?)(?::(\d+))?$/.exec(pattern) ?? [];
  const url = URL.parse(`http://${host}`);
  if (!url) return undefined;
  return {
    hostname: url.hostname,
    wildcard: star !== undefined,
    port: port === undefined ? null : String(Number(port)),
  };
}

function portFits({ port }: Entry, url: URL): boolean {
  return port === null || port === portOf(url);
}

function hostFits({ hostname, wildcard }: Entry, asking: string): boolean {
  const asked = asking.replace(/\.$/, '');
  return wildcard ? asked.endsWith(`.${hostname}`) : asked === hostname;
}

/** The port that a URL leads to, as text; the scheme's own where it names none. */
export function portOf({ port, protocol }: URL): string {
  if (port !== '') return port;
  return protocol === 'https:' ? '443' : '80';
}
