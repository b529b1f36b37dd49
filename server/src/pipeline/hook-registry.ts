import { type DeclaredHook } from '@omniroute/shared/manifest';
import { isPipelineHook, type PipelineHook } from '@omniroute/shared/hook';

export interface RegisteredHook extends DeclaredHook {
  name: PipelineHook;
  plugin: string;
  installedAt: string;
}

interface RegisteredPlugin {
  name: string;
  installedAt: string;
  hooks: readonly DeclaredHook[];
}

/** The hooks as they were when a request came: they stay so for the whole of it. */
export class HookSnapshot {
  readonly #lists: ReadonlyMap<PipelineHook, readonly RegisteredHook[]>;

  constructor(hooks: readonly RegisteredHook[]) {
    this.#lists = Map.groupBy(hooks.toSorted(byOrder), (hook) => hook.name);
  }

  /** The hooks in the order in which they run: priority, then age of the installation, then name. */
  list(hook: PipelineHook): readonly RegisteredHook[] {
    return this.#lists.get(hook) ?? [];
  }

  has(...hooks: PipelineHook[]): boolean {
    return hooks.some((hook) => this.#lists.has(hook));
  }

  /** The first hook of this name that would rather refuse a request than not see it. */
  closed(hook: PipelineHook): RegisteredHook | undefined {
    return this.list(hook).find(({ failure, mode }) => failure === 'closed' && mode === 'intercept');
  }
}

/**
 * The pipeline hooks of every enabled plugin, whatever state its process is in: a guard that crashed is still
 * a guard.
 */
export class HookRegistry {
  readonly #plugins = new Map<string, RegisteredHook[]>();
  #snapshot = new HookSnapshot([]);

  /** Replaces what is registered for the plugin. Hooks that are not the pipeline's are left out. */
  register({ name: plugin, installedAt, hooks }: RegisteredPlugin): void {
    const registered = hooks.flatMap((hook) =>
      isPipelineHook(hook.name) ? [{ ...hook, name: hook.name, plugin, installedAt }] : [],
    );
    this.#plugins.set(plugin, registered);
    this.#snapshot = new HookSnapshot([...this.#plugins.values()].flat());
  }

  unregister(plugin: string): void {
    this.#plugins.delete(plugin);
    this.#snapshot = new HookSnapshot([...this.#plugins.values()].flat());
  }

  isRegistered(plugin: string): boolean {
    return this.#plugins.has(plugin);
  }

  snapshot(): HookSnapshot {
    return this.#snapshot;
  }
}

function byOrder(a: RegisteredHook, b: RegisteredHook): number {
  return a.priority - b.priority || compare(a.installedAt, b.installedAt) || compare(a.plugin, b.plugin);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
