import type { MachineIsolation } from '@omniroute/shared/isolation';
import { PluginError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Runtime } from '../runtime.ts';
import { childProgram } from './child-program.ts';
import { probeIsolation } from './isolation-probe.ts';
import { type Command, composeCommand, detectLayers } from './layers/compose.ts';
import type { Grants, Layer, SandboxTools } from './layers/layer.ts';
import { StartError } from './process-exit.ts';

interface Options {
  /** Looks for the programs that layers are made of; called at every check. */
  findTools: () => SandboxTools;
  /** Whether the operator lets plugins start programs. */
  allowExec: boolean;
  runtime: Runtime;
  logger: Logger;
  /** Runs the canaries. */
  probe?: typeof probeIsolation | undefined;
}

/** How one plugin's process is started, and what confines it then. */
export interface Confinement {
  command: Command;
  /** Whether it may start processes of its own. */
  hasChildren: boolean;
  isolation: MachineIsolation;
}

interface State {
  tools: SandboxTools;
  layers: readonly Layer[];
  isolation: MachineIsolation;
}

/** What confines plugins' processes on this machine, as it was seen to when the canaries last ran. */
export class Sandbox {
  readonly #options: Options;
  #state: State;
  #probing: Promise<MachineIsolation> | null = null;
  readonly #listeners = new Set<() => void>();

  private constructor(options: Options, state: State) {
    this.#options = options;
    this.#state = state;
  }

  /** Runs the canaries for the first time. Never rejects: what cannot be checked is not enforced. */
  static async open(options: Options): Promise<Sandbox> {
    return new Sandbox(options, await look(options));
  }

  get isolation(): MachineIsolation {
    return this.#state.isolation;
  }

  /** Runs the canaries again, or awaits that they have where they run. */
  probe(): Promise<MachineIsolation> {
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = null;
    });
    return this.#probing;
  }

  /** Calls `listener` each time that the canaries have run again. */
  onProbed(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /**
   * How a process with these grants is started now.
   *
   * @throws {PluginError} ISOLATION_UNAVAILABLE where they include child processes that nothing would hold
   */
  confine(grants: Grants): Confinement {
    if (grants.exec) this.requireExec();
    const { layers, isolation } = this.#state;
    return { command: composeCommand(layers, [childProgram], grants), hasChildren: grants.exec, isolation };
  }

  /** Why no plugin may start programs, with what to do about it; null where it may. */
  get execRefusal(): string | null {
    if (!this.#options.allowExec) {
      return 'Plugins may start programs only where the operator allows it: set OMNIROUTE_PLUGINS_ALLOW_EXEC=1 and start the service again.';
    }
    const { layers, isolation } = this.#state;
    if (isolation.level === 3 && layers.some((layer) => layer.holdsChildren)) return null;
    return 'Nothing on this machine confines the programs that a plugin starts: install bubblewrap where it is missing (`apt install bubblewrap`), then let the isolation be checked again. The gaps in GET /api/isolation say what stands in the way.';
  }

  /** @throws {PluginError} ISOLATION_UNAVAILABLE with {@link execRefusal} */
  requireExec(): void {
    const refusal = this.execRefusal;
    if (refusal !== null) throw new PluginError('ISOLATION_UNAVAILABLE', refusal);
  }

  /** Whether a start has failed for what should confine the process, and not for the plugin. */
  isToBlame(error: unknown): boolean {
    if (error instanceof StartError && error.exit.isLayerFailure) return true;
    const now = this.#options.findTools();
    const { tools } = this.#state;
    return tools.bwrap !== now.bwrap || tools.prlimit !== now.prlimit || tools.setpriv !== now.setpriv;
  }

  async #probe(): Promise<MachineIsolation> {
    const before = this.isolation.level;
    this.#state = await look(this.#options);
    const { level, gaps } = this.isolation;
    const log = { level, before, gaps };
    if (level < before) this.#options.logger.error(log, 'isolation.lower');
    else this.#options.logger.info(log, 'isolation.probed');
    for (const listener of this.#listeners) listener();
    return this.isolation;
  }
}

async function look({ findTools, runtime, logger, probe = probeIsolation }: Options): Promise<State> {
  const tools = findTools();
  const detected = detectLayers(tools);
  const checkedAt = runtime.now().toISOString();
  try {
    const { layers, isolation } = await probe(detected);
    return { tools, layers, isolation: { ...isolation, checkedAt } };
  } catch (error) {
    logger.error({ err: error }, 'isolation.probe-failed');
    const layers = detected.flatMap(({ layer }) => (layer === null || layer.kind === 'os' ? [] : [layer]));
    const gaps = ['What confines it is not known: the check failed. The log of the service says why.'];
    return {
      tools,
      layers,
      isolation: { level: 1, layers: ['installer', 'process'], gaps, canaries: [], checkedAt },
    };
  }
}
