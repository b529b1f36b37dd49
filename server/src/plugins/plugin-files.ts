import { chmod, lstat, mkdir, readdir, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode, PluginError } from '../errors.ts';
import type { Move } from './operation.ts';
import { copyPackage, inspectPackage, syncToDisk } from './package-copy.ts';
import { exists, isInside } from './path.ts';
import { readManifest } from './read-manifest.ts';
import type { PluginPaths } from './plugin-paths.ts';

/** Moves plugin folders: staging, place, previous, trash. Holds the only recursive delete of one. */
export class PluginFiles {
  readonly #paths: PluginPaths;

  constructor(paths: PluginPaths) {
    this.#paths = paths;
  }

  get paths(): PluginPaths {
    return this.#paths;
  }

  async prepare(): Promise<void> {
    const { plugins, pluginData, logs, previous } = this.#paths;
    for (const dir of [plugins, previous, pluginData, logs])
      await mkdir(dir, { recursive: true, mode: 0o700 });
  }

  /**
   * Copies a package into the staging folder of an operation, and returns that folder.
   *
   * @throws {PluginError} those of {@link copyPackage}, and INVALID_REQUEST for a folder of the service's own
   */
  async stage(operation: string, source: string): Promise<string> {
    const staging = this.#paths.staging(operation);
    if (isInside(source, this.#paths.root)) {
      throw new PluginError(
        'PACKAGE_REJECTED',
        'The plugin folder holds the data directory of this service. Move one of them.',
      );
    }
    if (isInside(this.#paths.plugins, source)) {
      throw new PluginError(
        'INVALID_REQUEST',
        'This folder is inside the plugins directory already. Scan for plugins instead.',
      );
    }
    await copyPackage(source, staging);
    return staging;
  }

  /** The checks of {@link stage} on a folder that is in place already. Throws PluginError PACKAGE_REJECTED. */
  async inspect(dir: string): Promise<void> {
    await inspectPackage(dir);
  }

  /** @throws {PluginError} INSTALL_FAILED where a folder is in the plugin's place that nobody has registered */
  async refuseOccupied(name: string): Promise<void> {
    if (!(await this.exists(name))) return;
    throw new PluginError(
      'INSTALL_FAILED',
      `A folder named '${name}' is in the plugins directory already, but not registered. Scan for plugins to register it, or remove it.`,
    );
  }

  /** What puts a staged version in the place of the installed one, which becomes the previous one. */
  async upgradeMoves(name: string): Promise<Move[]> {
    return [
      // The version before the previous one: it goes for good when the operation ends.
      ...(await this.#ifThere(this.#paths.previousOf(name), ['previous', 'trash'])),
      ...(await this.#ifThere(this.#paths.plugin(name), ['plugin', 'previous'])),
      ['staging', 'plugin'],
    ];
  }

  /** What puts the previous version back in its place. */
  async rollbackMoves(name: string): Promise<Move[]> {
    return [...(await this.#ifThere(this.#paths.plugin(name), ['plugin', 'trash'])), ['previous', 'plugin']];
  }

  /** What takes the installed version out of its place, if it is there. */
  uninstallMoves(): Move[] {
    return [['plugin', 'trash']];
  }

  /** Makes the moves that have not been made yet, in order. They have outlived a loss of power when it resolves. */
  async make(
    { id, plugin, moves }: { id: string; plugin: string; moves: readonly Move[] },
    onMoved?: () => void,
  ): Promise<void> {
    await mkdir(this.#paths.previous, { recursive: true, mode: 0o700 });
    for (const move of moves) {
      const { from, to } = this.#pathsOf(move, id, plugin);
      if (!(await exists(from))) continue;
      await rename(from, to);
      onMoved?.();
    }
    await this.#sync();
  }

  /** Takes back those of the moves that have been made, the last one first. */
  async undo({ id, plugin, moves }: { id: string; plugin: string; moves: readonly Move[] }): Promise<void> {
    for (const move of moves.toReversed()) {
      const { from, to } = this.#pathsOf(move, id, plugin);
      if (!(await exists(from)) && (await exists(to))) await rename(to, from);
    }
    await this.#sync();
  }

  /** Removes what an operation has set aside for good. */
  async clear(operation: string): Promise<void> {
    await this.remove(this.#paths.staging(operation));
    await this.remove(this.#paths.trash(operation));
  }

  /** The version of the package in `dir`, or null where there is none that can be read. */
  async versionOf(dir: string): Promise<string | null> {
    const manifest = await readManifest(dir).catch(() => null);
    return manifest?.version ?? null;
  }

  /** Whether the plugin has its folder. */
  exists(name: string): Promise<boolean> {
    return exists(this.#paths.plugin(name));
  }

  /** Whether there is a version to roll back to. */
  hasPrevious(name: string): Promise<boolean> {
    return exists(this.#paths.previousOf(name));
  }

  /** Removes all that a plugin had beside its folder: the previous version, its data. */
  async removeLeftovers(name: string): Promise<void> {
    await this.remove(this.#paths.previousOf(name));
    await this.remove(this.#paths.dataOf(name));
  }

  hasDataDir(name: string): Promise<boolean> {
    return exists(this.#paths.dataOf(name));
  }

  async makeDataDir(name: string): Promise<string> {
    const dir = this.#paths.dataOf(name);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    return dir;
  }

  /**
   * Deletes a folder that is a direct child of one of the directories that hold plugins' folders. A symlink in
   * its place is deleted, not followed.
   */
  async remove(path: string): Promise<void> {
    const { plugins, previous, pluginData } = this.#paths;
    const parent = dirname(path);
    if (![plugins, previous, pluginData].includes(parent) || path === previous) {
      throw new Error(`refused to delete ${path}: it is not a plugin's folder`);
    }
    if (!(await exists(path))) return;
    if ((await realpath(parent)) !== parent)
      throw new Error(`refused to delete ${path}: its parent is a symlink`);
    await removeTree(path);
  }

  #pathsOf([from, to]: Move, operation: string, name: string): { from: string; to: string } {
    const paths = {
      staging: this.#paths.staging(operation),
      plugin: this.#paths.plugin(name),
      previous: this.#paths.previousOf(name),
      trash: this.#paths.trash(operation),
    };
    return { from: paths[from], to: paths[to] };
  }

  async #ifThere(path: string, move: Move): Promise<Move[]> {
    return (await exists(path)) ? [move] : [];
  }

  async #sync(): Promise<void> {
    await syncToDisk(this.#paths.plugins);
    await syncToDisk(this.#paths.previous);
  }
}

/** Deletes a tree, also where a plugin has taken away the right to. */
async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes(errorCode(error))) throw error;
    await openFolders(path);
    await rm(path, { recursive: true, force: true });
  }
}

async function openFolders(dir: string): Promise<void> {
  if (!(await lstat(dir)).isDirectory()) return;
  await chmod(dir, 0o700);
  for (const name of await readdir(dir)) await openFolders(join(dir, name));
}
