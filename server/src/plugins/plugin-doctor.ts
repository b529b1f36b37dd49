import {
  type DoctorCheck,
  type DoctorCheckId,
  doctorCheckIds,
  type DoctorReport,
  doctorResults,
} from '@omniroute/shared/doctor';
import { hooksNotCalledYet, pipelineHooks } from '@omniroute/shared/hook';
import type { Isolation } from '@omniroute/shared/isolation';
import type { Manifest } from '@omniroute/shared/manifest';
import type { Permission } from '@omniroute/shared/permission';
import { errorCode } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { HookRegistry, RegisteredHook } from '../pipeline/hook-registry.ts';
import type { Sandbox } from '../plugin-process/sandbox.ts';
import type { Runtime } from '../runtime.ts';
import { fail, type Finding, notChecked } from './doctor-finding.ts';
import { HooksCheck } from './doctor-hooks.ts';
import {
  checkDirectory,
  checkEntry,
  checkEntryIntegrity,
  checkHostRange,
  checkManifest,
  readPlacedManifest,
} from './doctor-package.ts';
import { checkPermissions } from './doctor-permissions.ts';
import { checkProcess } from './doctor-process.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import type { PluginFiles } from './plugin-files.ts';
import type { PluginRecord } from './plugin-record.ts';
import type { PluginRepository } from './plugin-repository.ts';
import type { PluginRunner } from './plugin-runner.ts';

interface Options {
  repository: PluginRepository;
  files: PluginFiles;
  runner: PluginRunner;
  registry: HookRegistry;
  queue: KeyedQueue;
  runtime: Runtime;
  logger: Logger;
  isolationOf: (plugin: string, permissions: readonly Permission[]) => Isolation;
  sandbox: Pick<Sandbox, 'execRefusal'>;
  /** False while no plugin may run: safe mode, or plugins are paused. */
  mayRun: () => boolean;
}

type Check = () => Finding | Promise<Finding>;

const titles: Record<DoctorCheckId, string> = {
  directory: 'Folder',
  manifest: 'plugin.json',
  entry: 'Entry file',
  integrity: 'Integrity',
  hooks: 'Hooks',
  'host-range': 'Plugin API',
  permissions: 'Permissions',
  process: 'Process',
};

/**
 * Says of one plugin what is right with it, what is not, and what to do. It looks at the plugin as it is, without
 * waiting for operations on it; only the rehearsal of {@link HooksCheck} takes the plugin's turn.
 */
export class PluginDoctor {
  readonly #options: Options;
  readonly #hooks: HooksCheck;

  constructor(options: Options) {
    this.#options = options;
    this.#hooks = new HooksCheck(options);
  }

  /** Never rejects for what is wrong with the plugin: a check that breaks is one that failed. */
  async examine(record: PluginRecord): Promise<DoctorReport> {
    const { files, runner, repository, isolationOf, sandbox, runtime, mayRun } = this.#options;
    const { name } = record;
    const dir = files.paths.plugin(name);
    const facts = await runner.facts(name);
    const startedAt =
      facts.uptimeMs === null ? null : new Date(runtime.now().getTime() - Math.floor(facts.uptimeMs));
    const read = await readPlacedManifest(dir);
    const manifest = 'value' in read ? read.value : null;
    const ofManifest =
      (check: (manifest: Manifest) => Finding | Promise<Finding>): Check =>
      () =>
        manifest === null
          ? notChecked('there is no plugin.json to go by.', 'See to its folder and plugin.json first.')
          : check(manifest);
    const found = await this.#run(name, {
      directory: () => checkDirectory(record, files),
      manifest: () => checkManifest(record, read, startedAt !== null),
      entry: ofManifest((valid) => checkEntry(valid, dir, startedAt)),
      integrity: ofManifest((valid) => checkEntryIntegrity(valid, dir)),
      'host-range': ofManifest(checkHostRange),
      permissions: ofManifest(async (valid) =>
        checkPermissions(valid, {
          record,
          grant: await repository.grant(record.id),
          isolationOf: (asked) => isolationOf(name, asked),
          sandbox,
        }),
      ),
      process: () =>
        checkProcess(record, { facts, startedAt, mayRun: mayRun(), hooks: this.#registeredHooks(name) }),
    });
    const blockers = found.filter(({ id, result }) => id !== 'process' && result === 'fail');
    const hooks = await this.#run(name, {
      hooks: () =>
        this.#hooks.check(
          record,
          manifest,
          blockers.map(({ title }) => title),
        ),
    });
    const checks = [...found, ...hooks].toSorted(byId);
    return { plugin: name, result: worstOf(checks), checks };
  }

  async #run(plugin: string, checks: Partial<Record<DoctorCheckId, Check>>): Promise<DoctorCheck[]> {
    const wanted = doctorCheckIds.flatMap((id) => {
      const check = checks[id];
      return check === undefined ? [] : [{ id, check }];
    });
    return Promise.all(
      wanted.map(async ({ id, check }) => ({
        id,
        title: titles[id],
        ...(await this.#guarded(plugin, id, check)),
      })),
    );
  }

  async #guarded(plugin: string, id: DoctorCheckId, check: Check): Promise<Finding> {
    try {
      return await check();
    } catch (error) {
      this.#options.logger.error({ plugin, check: id, err: error }, 'doctor.check-broke');
      const code = errorCode(error);
      return fail(
        `This check could not be finished${code === '' ? '' : ` (${code})`}.`,
        "Look up the reason in the service's log, then run the checks again.",
      );
    }
  }

  #registeredHooks(plugin: string): RegisteredHook[] {
    const snapshot = this.#options.registry.snapshot();
    return pipelineHooks
      .filter((hook) => !hooksNotCalledYet.includes(hook))
      .flatMap((hook) => snapshot.list(hook))
      .filter((hook) => hook.plugin === plugin);
  }
}

function byId(a: DoctorCheck, b: DoctorCheck): number {
  return doctorCheckIds.indexOf(a.id) - doctorCheckIds.indexOf(b.id);
}

function worstOf(checks: readonly DoctorCheck[]): DoctorReport['result'] {
  return doctorResults.findLast((result) => checks.some((check) => check.result === result)) ?? 'pass';
}
