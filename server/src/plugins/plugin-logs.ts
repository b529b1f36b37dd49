import type { LogLine } from '@omniroute/shared/plugin';
import type { Logger } from '../logger.ts';
import { PluginLog } from '../plugin-process/plugin-log.ts';
import type { Runtime } from '../runtime.ts';
import type { PluginPaths } from './plugin-paths.ts';

interface Options {
  paths: PluginPaths;
  runtime: Runtime;
  logger: Logger;
  onLine: (name: string, line: LogLine) => void;
}

/** The plugins' logs: each made at first use, kept until the plugin is uninstalled. */
export class PluginLogs {
  readonly #options: Options;
  readonly #logs = new Map<string, PluginLog>();

  constructor(options: Options) {
    this.#options = options;
  }

  of(name: string): PluginLog {
    const known = this.#logs.get(name);
    if (known) return known;
    const { paths, runtime, logger, onLine } = this.#options;
    const log = new PluginLog({
      file: paths.logOf(name),
      runtime,
      logger: logger.child({ plugin: name }),
      onLine: (line) => onLine(name, line),
    });
    this.#logs.set(name, log);
    return log;
  }

  async remove(name: string): Promise<void> {
    await this.of(name).remove();
    this.#logs.delete(name);
  }

  /** Resolves when everything that was written is in the files. */
  async settled(): Promise<void> {
    await Promise.all([...this.#logs.values()].map((log) => log.settled()));
  }
}
