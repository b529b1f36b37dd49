import { type ChildProcess, spawn } from 'node:child_process';
import { messageOf } from '../errors.ts';
import type { Command } from './sandbox.ts';

interface Options {
  command: Command;
  cwd: string;
  env: Record<string, string>;
}

/**
 * Starts a process as the leader of its group: no stdin, pipes for stdout and stderr, and descriptor 3 as its channel.
 * Rejects when it cannot be started, for want of descriptors, say.
 */
export async function spawnProcess({ command, cwd, env }: Options): Promise<ChildProcess> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(command.file, command.args, {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
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
