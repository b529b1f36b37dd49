import { join } from 'node:path';

/** Where everything of a plugin lives under the data directory: docs/operations.md has the picture. */
export class PluginPaths {
  readonly root: string;
  readonly plugins: string;
  readonly pluginData: string;
  readonly logs: string;
  readonly previous: string;

  /** @param dataDir after symlinks */
  constructor(dataDir: string) {
    this.root = dataDir;
    this.plugins = join(dataDir, 'plugins');
    this.pluginData = join(dataDir, 'plugin-data');
    this.logs = join(dataDir, 'logs');
    this.previous = join(this.plugins, '.previous');
  }

  plugin(name: string): string {
    return join(this.plugins, name);
  }

  staging(operation: string): string {
    return join(this.plugins, `.staging-${operation}`);
  }

  trash(operation: string): string {
    return join(this.plugins, `.trash-${operation}`);
  }

  previousOf(name: string): string {
    return join(this.previous, name);
  }

  dataOf(name: string): string {
    return join(this.pluginData, name);
  }

  logOf(name: string): string {
    return join(this.logs, `${name}.log`);
  }
}
