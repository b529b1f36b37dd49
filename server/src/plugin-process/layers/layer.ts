import type { Canary, IsolationLayer } from '@omniroute/shared/isolation';

/** What one plugin's process may touch, as absolute paths after symlinks. */
export interface Grants {
  pluginDir: string;
  readPaths: readonly string[];
  /** To be read, too. */
  writePaths: readonly string[];
  /** Whether it may start programs of this machine. */
  exec: boolean;
}

/** One means by which a plugin's process is confined. It wraps a command line whose first word is Node's path. */
export interface Layer {
  /** What operators know it by. */
  readonly name: string;
  readonly kind: Exclude<IsolationLayer, 'installer'>;
  /** What it must stop by itself: the canaries see to it that it does. */
  readonly stops: readonly Canary[];
  /** Whether the processes that a plugin starts are confined as it is, and end with it. */
  readonly holdsChildren: boolean;
  /**
   * Whether the process that is spawned is not the plugin's, but starts that in turn: it says which on descriptor 4,
   * in the words of {@link SandboxStatus}.
   */
  readonly forks: boolean;
  wrap(argv: readonly string[], grants: Grants): string[];
}

/** What was found of one layer on this machine, without trying it. */
export interface Detected {
  layer: Layer | null;
  /** What is not enforced for want of it, one sentence each. */
  gaps: string[];
}

/** The programs that layers are made of, and whether this machine has them. */
export interface SandboxTools {
  setpriv: string | null;
  prlimit: string | null;
  bwrap: string | null;
}
