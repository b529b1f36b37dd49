import { messageOf, PluginError, reasonOf } from '../errors.ts';
import type { JournalEntry } from './journal.ts';
import type { Move } from './operation.ts';
import type { PluginParts } from './plugin-parts.ts';
import type { PluginGrant, PluginRecord } from './plugin-record.ts';

type Options = Omit<PluginParts, 'events' | 'journal'>;

/** One version in the place of another. */
interface Swap {
  entry: JournalEntry;
  moves: readonly Move[];
  installed: PluginRecord;
  /** What was granted to the installed version. */
  held: PluginGrant;
  next: PluginRecord;
  grant: PluginGrant;
  /** Why the installed version is left, as `plugin_versions` keeps it. */
  reason: string;
}

/** Changes the version that a plugin is, by upgrade or by rollback, or leaves it as it was. */
export class VersionSwapper {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * Stops the installed version, moves the files, writes the row, and starts the next version if the plugin is enabled.
   *
   * @throws {PluginError} UPGRADE_FAILED; the installed version is back as it was then
   */
  async swap(swap: Swap): Promise<PluginRecord> {
    const { repository, files, runner, activator } = this.#options;
    const { entry, moves, installed, next, grant, held, reason } = swap;
    let isRecorded = false;
    await runner.drain(installed.name);
    await activator.suspend(installed);
    entry.step('stopped');
    try {
      await entry.plan(moves);
      await files.make(entry, () => entry.step('moved'));
      const { version, config } = installed;
      const left = { version, config, grant: held, reason, createdAt: next.updatedAt };
      await repository.replaceVersion(next, { grant, left, reached: entry.at('recorded') });
      isRecorded = true;
      entry.step('recorded');
      const record = await this.#start(next);
      await entry.reach('committed');
      entry.step('committed');
      return record;
    } catch (error) {
      await this.#takeBack(swap, isRecorded);
      throw swapFailed(installed, next, error);
    }
  }

  async #start(next: PluginRecord): Promise<PluginRecord> {
    const { activator, mayRun } = this.#options;
    if (!next.enabled) return next;
    activator.register(next);
    return mayRun() ? activator.activate(next) : next;
  }

  async #takeBack({ entry, installed, held }: Swap, isRecorded: boolean): Promise<void> {
    const { repository, recovery, activator, logger } = this.#options;
    const wasUp = installed.status === 'active';
    const before = { ...installed, status: wasUp ? ('inactive' as const) : installed.status };
    try {
      if (isRecorded) {
        await repository.restoreVersion(before, { grant: held, reached: entry.at('moving') });
        entry.step('reverting');
      }
      if (!(await recovery.close(entry))) return;
      entry.step('reverted');
      if (installed.enabled) activator.register(installed);
      if (wasUp) await activator.activate(before);
    } catch (error) {
      // The plugin is in `error` and says why; the failure of the swap is what the caller hears.
      logger.error({ plugin: installed.name, reason: messageOf(error) }, 'plugin.not-brought-back');
    }
  }
}

/** The next version did not come up. */
export function swapFailed(installed: PluginRecord, next: PluginRecord, error: unknown): PluginError {
  return new PluginError(
    'UPGRADE_FAILED',
    `'${next.name}' ${next.version} did not start, so ${installed.version} is back as it was: ${reasonOf(error)}`,
    { cause: error },
  );
}
