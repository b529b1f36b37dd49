import { PluginError, reasonOf } from '../errors.ts';
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
    const reached = { isRecorded: false };
    try {
      await runner.drain(installed.name);
      await activator.suspend(installed);
    } catch (error) {
      throw swapFailed(next, error, `${installed.version} goes on as it was.`);
    }
    entry.step('stopped');
    try {
      await entry.plan(moves);
      await files.make(entry, () => entry.step('moved'));
      const { version, config } = installed;
      const left = { version, config, grant: held, reason, createdAt: next.updatedAt };
      await repository.replaceVersion(installed, next, { grant, left, reached: entry.at('recorded') });
      reached.isRecorded = true;
      entry.step('recorded');
      const record = await this.#start(next);
      await entry.reach('committed');
      entry.step('committed');
      return record;
    } catch (error) {
      throw swapFailed(next, error, await this.#takeBack(swap, reached.isRecorded));
    }
  }

  async #start(next: PluginRecord): Promise<PluginRecord> {
    const { activator, mayRun } = this.#options;
    if (!next.enabled) return next;
    activator.register(next);
    return mayRun() ? activator.activate(next) : next;
  }

  /** Brings the installed version back. Returns what that came to, as a sentence for the operator. */
  async #takeBack({ entry, installed }: Swap, isRecorded: boolean): Promise<string> {
    const { repository, recovery, runner, activator, logger } = this.#options;
    const { name, version } = installed;
    // It may have come up, and only the journal have failed: nothing of it serves from here on.
    await runner.discard(name);
    // First of all: whatever becomes of the files, what guarded goes on guarding.
    if (installed.enabled) activator.register(installed);
    try {
      if (isRecorded) {
        await repository.restoreVersion(entry.at('moving'), this.#now());
        entry.step('reverting');
      }
      if (!(await recovery.close(entry))) {
        return `Its files could not be put back to ${version}; the next operation on it or the next start goes on with that.`;
      }
      entry.step('reverted');
      if (installed.status === 'active') await activator.activate({ ...installed, status: 'inactive' });
      return `${version} is back as it was.`;
    } catch (error) {
      logger.error({ plugin: name, err: error }, 'plugin.not-brought-back');
      return `${version} could not be brought back, either: ${reasonOf(error)}`;
    }
  }

  #now(): string {
    return this.#options.runtime.now().toISOString();
  }
}

/** The next version did not take the place of the installed one. `outcome` says where that leaves the plugin. */
export function swapFailed(next: PluginRecord, error: unknown, outcome: string): PluginError {
  const message = `'${next.name}' was not changed to ${next.version}: ${sentence(reasonOf(error))} ${outcome}`;
  return new PluginError('UPGRADE_FAILED', message, { cause: error });
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
