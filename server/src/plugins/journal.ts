import type { Logger } from '../logger.ts';
import type { Move, OperationKind, OperationPhase, OperationStep, SteppedKind } from './operation.ts';
import type { PluginFiles } from './plugin-files.ts';
import type { OperationRepository, PhaseChange } from './operation-repository.ts';

/**
 * What operations that move files write down before they do, so that it can be finished or undone whatever happens
 * meanwhile. Every step is logged as `operation.step`.
 */
export class Journal {
  readonly #operations: OperationRepository;
  readonly #files: PluginFiles;
  readonly #logger: Logger;

  constructor(operations: OperationRepository, files: PluginFiles, logger: Logger) {
    this.#operations = operations;
    this.#files = files;
    this.#logger = logger;
  }

  async begin(
    kind: OperationKind,
    plugin: string,
    versions: { from?: string; to?: string },
  ): Promise<JournalEntry> {
    const hadDataDir = await this.#files.hasDataDir(plugin);
    const id = await this.#operations.insert(kind, plugin, { ...versions, hadDataDir });
    const entry = new JournalEntry({ id, kind, plugin }, this.#operations, this.#logger);
    entry.step('begun');
    return entry;
  }
}

/** One operation under way. */
export class JournalEntry {
  readonly id: string;
  readonly plugin: string;
  readonly #kind: OperationKind;
  readonly #operations: OperationRepository;
  readonly #logger: Logger;
  #moves: readonly Move[] = [];

  constructor(
    { id, kind, plugin }: { id: string; kind: OperationKind; plugin: string },
    operations: OperationRepository,
    logger: Logger,
  ) {
    this.id = id;
    this.plugin = plugin;
    this.#kind = kind;
    this.#operations = operations;
    this.#logger = logger;
  }

  /** The moves that are written down. */
  get moves(): readonly Move[] {
    return this.#moves;
  }

  /** Says that a step has been made. */
  step(step: OperationStep): void {
    logStep(this.#logger, { kind: this.#kind, plugin: this.plugin, step });
  }

  /** Writes down the moves that are about to be made. */
  async plan(moves: readonly Move[]): Promise<void> {
    await this.#operations.plan(this.id, moves);
    this.#moves = moves;
    this.step('planned');
  }

  /** This operation at `phase`, for a transaction that brings it there. */
  at(phase: OperationPhase): PhaseChange {
    return { operation: this.id, phase };
  }

  async reach(phase: OperationPhase): Promise<void> {
    await this.#operations.reach(this.at(phase));
  }
}

/** Says that an operation, one that moves no files included, has made a step. */
export function logStep(
  logger: Logger,
  made: { kind: SteppedKind; plugin: string; step: OperationStep },
): void {
  logger.debug(made, 'operation.step');
}
