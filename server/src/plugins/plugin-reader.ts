import type { Health } from '@omniroute/shared/health';
import type { Isolation } from '@omniroute/shared/isolation';
import type { PluginDetail, PluginStatus, PluginSummary } from '@omniroute/shared/plugin';
import type { EventBus } from '../event-bus.ts';
import type { Logger } from '../logger.ts';
import type { PluginFiles } from './plugin-files.ts';
import type { PluginRecord } from './plugin-record.ts';
import type { PluginRepository } from './plugin-repository.ts';
import type { PluginRunner } from './plugin-runner.ts';
import type { PluginVersionRepository } from './plugin-version-repository.ts';
import { toDetail, toSummary } from './plugin-view.ts';

interface Options {
  repository: PluginRepository;
  versions: PluginVersionRepository;
  files: PluginFiles;
  runner: PluginRunner;
  events: EventBus;
  logger: Logger;
  isolationOf: (record: PluginRecord) => Isolation;
}

/** Tells what plugins there are and how they are: from their rows, their processes and their files. */
export class PluginReader {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  async list(filter: { status?: PluginStatus }): Promise<PluginSummary[]> {
    const { repository, versions, runner, isolationOf } = this.#options;
    const records = await repository.list();
    const rollbacks = await versions.rollbacks();
    return records
      .filter(({ status }) => filter.status === undefined || status === filter.status)
      .map((record) => {
        const rolledBack = rollbacks.get(record.id);
        const summary = toSummary(record, isolationOf(record), runner.state(record.name));
        return rolledBack ? { ...summary, rolledBack } : summary;
      });
  }

  async detail(record: PluginRecord): Promise<PluginDetail> {
    const { isolationOf, runner, files, versions } = this.#options;
    const previousVersion = await files.versionOf(files.paths.previousOf(record.name));
    const rolledBack = await versions.rollback(record.id);
    return {
      ...toDetail(record, isolationOf(record), await runner.facts(record.name)),
      ...(previousVersion === null ? {} : { previousVersion }),
      ...(rolledBack ? { rolledBack } : {}),
    };
  }

  async counts(): Promise<Health['plugins']> {
    const { repository, runner } = this.#options;
    const records = await repository.list();
    const isRestarting = (name: string) => runner.state(name).state === 'restarting';
    const count = (status: PluginStatus) => records.filter((record) => record.status === status).length;
    return {
      installed: count('installed'),
      active: count('active'),
      restarting: records.filter((record) => isRestarting(record.name)).length,
      inactive: count('inactive'),
      error: count('error'),
    };
  }

  /** Tells who watches to read every plugin again: what confines them may have changed. Never rejects. */
  async announceAll(): Promise<void> {
    const { repository, events, logger } = this.#options;
    try {
      for (const { name } of await repository.list())
        events.publish({ topic: 'plugins', name, change: 'updated' });
    } catch (error) {
      logger.warn({ err: error }, 'plugins.not-announced');
    }
  }

  /** How many plugins are meant to run. */
  async enabledCount(): Promise<number> {
    return (await this.#options.repository.list()).filter((record) => record.enabled).length;
  }
}
