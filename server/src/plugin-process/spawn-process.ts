import { type ChildProcess, spawn } from 'node:child_process';
import { messageOf } from '../errors.ts';
import type { Command } from './layers/compose.ts';

export interface SpawnOptions {
  command: Command;
  cwd: string;
  env: Record<string, string>;
}

/**
 * Starts a process as the leader of its group: no stdin, pipes for stdout and stderr, descriptor 3 as its channel, and 4
 * for what a layer that forks has to say. Rejects when it cannot be started, for want of descriptors, say.
 */
export async function spawnProcess({ command, cwd, env }: SpawnOptions): Promise<ChildProcess> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(command.file, command.args, {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', ...(command.forks ? (['pipe'] as const) : [])],
    detached: true,
  });
  child.once('spawn', resolve).on('error', reject);
  try {
    await promise;
    return child;
  } catch (error) {
    throw new Error(`its process cannot be started: ${messageOf(error)}`, { cause: error });
  }
}
