import type { ProcessFault } from '@omniroute/shared/process-fault';
import type { Logger } from '../logger.ts';
import { CpuPriority } from './cpu-priority.ts';
import { DataQuota } from './data-quota.ts';
import { maxMemoryBytes } from './memory-limits.ts';
import { MemoryWatchdog } from './memory-watchdog.ts';

interface Watched {
  /** The processes that count as one. */
  pids: () => Promise<number[]>;
  dataDir: string | undefined;
}

/** What the plugins' processes may use of the machine, where nobody but the service can see to it. */
export class ResourceLimits {
  readonly #memory = new MemoryWatchdog(maxMemoryBytes);
  readonly #quota: DataQuota;
  readonly #priority: CpuPriority;

  constructor(monotonicMs: () => number, logger: Logger) {
    this.#quota = new DataQuota(monotonicMs, logger);
    this.#priority = new CpuPriority(monotonicMs);
  }

  /** Calls `onExceeded` for each limit that the process goes beyond, once. Returns the function that ends the watch. */
  watch({ pids, dataDir }: Watched, onExceeded: (fault: ProcessFault, message: string) => void): () => void {
    const onMemory = (bytes: number) => {
      const held = `${Math.round(bytes / 1024 / 1024)} MiB of memory`;
      onExceeded('MEMORY_LIMIT', `it held ${held}; the limit is ${maxMemoryBytes / 1024 / 1024} MiB`);
    };
    const watches = [
      this.#memory.watch(pids, onMemory),
      this.#priority.watch(pids),
      ...(dataDir === undefined
        ? []
        : [this.#quota.watch(dataDir, (message) => onExceeded('DATA_QUOTA', message))]),
    ];
    return () => watches.forEach((end) => end());
  }

  /** A sentence for the operator where the data folder is too large to start a process on it; null where it is not. */
  dataExcess(dataDir: string): Promise<string | null> {
    return this.#quota.excess(dataDir);
  }
}
