/** What an operation that moves files does. */
export const operationKinds = ['install', 'upgrade', 'rollback', 'uninstall'] as const;
export type OperationKind = (typeof operationKinds)[number];

/**
 * How far an operation is, as far as undoing it goes. `preparing`: nothing has moved. `moving`: some of its moves may have
 * been made. `recorded`: the row says what is to be, but it has not been seen to work: `onInstall` or the start of the
 * new version is still to come. `committed`: what is left is to clean up.
 */
export const operationPhases = ['preparing', 'moving', 'recorded', 'committed'] as const;
export type OperationPhase = (typeof operationPhases)[number];

/** Where a version of a plugin can be during an operation. */
export const places = ['staging', 'plugin', 'previous', 'trash'] as const;
type Place = (typeof places)[number];

/** One rename. Its source is there before it, and its target is not: so a source that is gone has been moved. */
export type Move = readonly [from: Place, to: Place];

/** One operation as the journal has it. */
export interface Operation {
  id: string;
  kind: OperationKind;
  plugin: string;
  phase: OperationPhase;
  moves: readonly Move[];
  /** Whether the plugin had a data folder before: one that was made meanwhile goes if the operation is undone. */
  hadDataDir: boolean;
}

/**
 * Every step after which an operation can be cut short, in order; `moved` comes once for each move. Activating and
 * configuring move no files and leave nothing to settle: they are not in the journal, but their steps are logged alike.
 */
export const operationSteps = {
  install: ['begun', 'staged', 'planned', 'moved', 'recorded', 'committed', 'cleaned'],
  upgrade: [
    'begun',
    'staged',
    'rehearsed',
    'stopped',
    'planned',
    'moved',
    'recorded',
    'committed',
    'cleaned',
  ],
  rollback: ['begun', 'rehearsed', 'stopped', 'planned', 'moved', 'recorded', 'committed', 'cleaned'],
  uninstall: ['begun', 'stopped', 'planned', 'moved', 'committed', 'cleaned'],
  activate: ['read', 'launched', 'greeted', 'saved'],
  configure: ['stored', 'delivered'],
} as const;
export type SteppedKind = keyof typeof operationSteps;
/** An operation that fails takes its steps back: `reverting` once the database does, then `reverted`. */
export type OperationStep = (typeof operationSteps)[SteppedKind][number] | 'reverting' | 'reverted';
