import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RestCaller, restCaller } from './rest-caller.ts';
import { runStartScript } from './start-script.ts';

/** The whole service as `pnpm start` runs it: a process of its own, on a free port, with a token to call it. */
export interface ServiceProcess extends AsyncDisposable {
  readonly pid: number;
  readonly url: string;
  readonly call: RestCaller;
  /** Sends the signal and resolves when the process has ended, with its exit code; null where a signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Resolves when the service listens. Rejects with what it wrote to stderr when it ends before. */
export async function startServiceProcess(
  dataDir: string,
  env: Record<string, string> = {},
  prefix: readonly string[] = [],
): Promise<ServiceProcess> {
  const started = await runStartScript(
    { HOME: dataDir, OMNIROUTE_DATA_DIR: dataDir, LOG_LEVEL: 'error', ...env },
    prefix,
  );
  const token = env.OMNIROUTE_AUTH_TOKEN ?? (await readFile(join(dataDir, 'auth-token'), 'utf8')).trim();
  return {
    pid: started.pid,
    url: started.url,
    call: restCaller(started.url, token),
    end: async (signal) => {
      started.kill(signal);
      const how = await started.exited;
      return typeof how === 'number' ? how : null;
    },
    [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
  };
}
