import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Service } from './service.ts';

const startScript = fileURLToPath(new URL('../../server/start.js', import.meta.url));

/** The whole service as `pnpm start` runs it: a process of its own, on a free port. */
export interface ServiceProcess extends AsyncDisposable, Pick<Service, 'call'> {
  readonly pid: number;
  readonly url: string;
  /** Sends the signal and resolves when the process has ended, with its exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Resolves when the service listens. Rejects with what it wrote to stderr when it ends before. */
export async function startServiceProcess(
  dataDir: string,
  env: Record<string, string> = {},
): Promise<ServiceProcess> {
  const child = spawn(process.execPath, [startScript], {
    env: {
      PATH: process.env.PATH,
      HOME: dataDir,
      PORT: '0',
      OMNIROUTE_DATA_DIR: dataDir,
      LOG_LEVEL: 'error',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit');
      child.kill(signal);
      await exit;
    }
    return child.exitCode;
  };
  try {
    const url = await listening(child);
    const token = env.OMNIROUTE_AUTH_TOKEN ?? (await readFile(join(dataDir, 'auth-token'), 'utf8')).trim();
    return {
      pid: child.pid ?? 0,
      url,
      end,
      call: async <T>(method: string, path: string, body?: unknown) => {
        const headers = {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        };
        const response = await fetch(url + path, {
          method,
          headers,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        return { status: response.status, headers: response.headers, body: (await response.json()) as T };
      },
      [Symbol.asyncDispose]: async () => {
        await end('SIGKILL');
      },
    };
  } catch (error) {
    await end('SIGKILL');
    throw error;
  }
}

async function listening({ stdout, stderr }: ChildProcess): Promise<string> {
  if (!stdout || !stderr) throw new Error('the service was spawned without pipes');
  const complaints: string[] = [];
  stderr.on('data', (chunk: Buffer) => complaints.push(chunk.toString('utf8')));
  for await (const line of createInterface({ input: stdout })) {
    const port = /listens on http:\/\/localhost:(\d+)/.exec(line)?.[1];
    if (port === undefined) continue;
    stdout.resume();
    return `http://127.0.0.1:${port}`;
  }
  throw new Error(`the service ended before it listened: ${complaints.join('')}`);
}
