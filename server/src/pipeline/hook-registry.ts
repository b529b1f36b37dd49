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

/**
 * The pipeline hooks of every enabled plugin, whatever state its process is in: a guard that crashed is still
 * a guard. The lists it gives out never change, so a request keeps the order that it started with.
 */
export class HookRegistry {
  readonly #plugins = new Map<string, RegisteredHook[]>();
  #lists = new Map<PipelineHook, readonly RegisteredHook[]>();

  register({ name: plugin, installedAt, hooks }: RegisteredPlugin): void {
    const registered = hooks.flatMap((hook) =>
      isPipelineHook(hook.name) ? [{ ...hook, name: hook.name, plugin, installedAt }] : [],
    );
    this.#plugins.set(plugin, registered);
    this.#lists = new Map();
  }

  unregister(plugin: string): void {
    this.#plugins.delete(plugin);
    this.#lists = new Map();
  }

  /** The hooks in the order in which they run: priority, then age of the installation, then name. */
  list(hook: PipelineHook): readonly RegisteredHook[] {
    const known = this.#lists.get(hook);
    if (known) return known;
    const list = [...this.#plugins.values()].flat().filter(({ name }) => name === hook);
    list.sort(byOrder);
    this.#lists.set(hook, list);
    return list;
  }

  has(...hooks: PipelineHook[]): boolean {
    return hooks.some((hook) => this.list(hook).length > 0);
  }
}

function byOrder(a: RegisteredHook, b: RegisteredHook): number {
  return a.priority - b.priority || compare(a.installedAt, b.installedAt) || compare(a.plugin, b.plugin);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
