import type { Manifest } from '@omniroute/shared/manifest';
import { messageOf, PluginError } from '../errors.ts';
import { fail, type Finding, notChecked, pass, refusal, sentence, warn } from './doctor-finding.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import { type LaunchSpec, launchSpec } from './launch-spec.ts';
import type { PluginFiles } from './plugin-files.ts';
import { describeManifest, type PluginGrant, type PluginRecord } from './plugin-record.ts';
import type { PluginRepository } from './plugin-repository.ts';
import type { PluginRunner } from './plugin-runner.ts';
import { manifestWarnings } from './read-manifest.ts';

interface Options {
  repository: PluginRepository;
  files: PluginFiles;
  runner: PluginRunner;
  queue: KeyedQueue;
  mayRun: () => boolean;
}

/** How long a rehearsal waits for other operations on the plugin: an operator is waiting for the whole report. */
const maxWaitMs = 1_000;
const lookAgain = 'Run the checks again in a moment.';

/** Sees whether the entry file exports what `plugin.json` declares. */
export class HooksCheck {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * Takes a running process at its handshake. For a stopped plugin a process is started and stopped again, in the
   * plugin's turn, if the operator has agreed to run it and an activation would get so far.
   *
   * @param manifest what is on disk now; null where it cannot be used
   * @param blockers titles of the checks that failed: an activation would, too
   */
  async check(
    record: PluginRecord,
    manifest: Manifest | null,
    blockers: readonly string[],
  ): Promise<Finding> {
    if (this.#options.runner.isRunning(record.name))
      return exported(record.manifest, 'when its process started');
    if (manifest === null || blockers.length > 0) {
      const why = blockers.length > 0 ? ` (${blockers.join(', ')})` : '';
      return notChecked(
        `the plugin cannot be started as it is${why}.`,
        'See to the other checks first, then run the checks again.',
      );
    }
    return this.#rehearseInTurn(record, manifest);
  }

  async #rehearseInTurn(record: PluginRecord, manifest: Manifest): Promise<Finding> {
    const { queue } = this.#options;
    try {
      return await queue.run(record.name, () => this.#rehearseUnchanged(record, manifest), maxWaitMs);
    } catch (error) {
      if (!(error instanceof PluginError) || error.code !== 'PLUGIN_BUSY') throw error;
      return notChecked('another operation on the plugin is running.', lookAgain);
    }
  }

  /** What came before in the queue may have changed all that the other checks have seen. */
  async #rehearseUnchanged(record: PluginRecord, manifest: Manifest): Promise<Finding> {
    const { repository, runner, mayRun } = this.#options;
    const latest = await repository.find(record.name);
    if (latest?.updatedAt !== record.updatedAt || runner.isRunning(record.name)) {
      return notChecked('the plugin was changed during the checks.', lookAgain);
    }
    if (!mayRun()) {
      return notChecked(
        'no plugin runs in safe mode or while plugins are paused.',
        'Run the checks again when plugins may run.',
      );
    }
    const grant = await repository.grant(record.id);
    if (grant === null) {
      return notChecked(
        'nobody has agreed to run its code yet.',
        'Activate the plugin if you agree to run it: that checks its hooks, too.',
      );
    }
    return this.#rehearse({ ...record, ...describeManifest(manifest) }, grant);
  }

  async #rehearse(record: PluginRecord, grant: PluginGrant): Promise<Finding> {
    const { files, runner } = this.#options;
    let spec: LaunchSpec;
    try {
      spec = await launchSpec(record, files.paths.plugin(record.name), grant, files);
    } catch (error) {
      return fail(`It would not start: ${refusal(error)}`, 'Change plugin.json, then run the checks again.');
    }
    runner.log(record.name).write('host', 'started for the checks of the doctor, to be stopped at once');
    try {
      await runner.rehearse(spec);
    } catch (error) {
      return fail(
        `It would not start: ${sentence(messageOf(error))}`,
        'Mend the entry file, or plugin.json where it declares too much; the log has the details.',
      );
    }
    return exported(record.manifest, 'when it was started for this check');
  }
}

function exported(manifest: Manifest, when: string): Finding {
  const hooks = describeManifest(manifest).hooks;
  const found =
    hooks.length === 0
      ? `It loaded ${when}; it declares no hook.`
      : `It exported ${hooks.join(', ')} ${when}.`;
  const warnings = manifestWarnings(manifest);
  if (warnings.length === 0) return pass(found);
  return warn(
    [found, ...warnings].join(' '),
    'Do not count on the hooks that are not called, or look for a version of the plugin without them.',
  );
}
