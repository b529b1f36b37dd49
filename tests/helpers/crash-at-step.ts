import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type RestCaller, restCaller } from './rest-caller.ts';

const program = fileURLToPath(new URL('./dying-service.ts', import.meta.url));
const compileCache = fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url));
const token = 'token-of-the-dying-service';

/**
 * Starts the service over `dataDir`, runs `operate`, and ends the service: by SIGKILL the moment it has made the step
 * `dieAt` (`kind:step:nth`), or in good order after `operate`, without one.
 *
 * @returns the steps that it made from when it listened, as `kind:step:nth`; those of the start count in `nth`
 */
export async function crashAtStep(
  dataDir: string,
  dieAt: string | null,
  operate: (call: RestCaller) => Promise<unknown>,
): Promise<string[]> {
  const child = spawn(process.execPath, ['--disable-sigusr1', program], {
    env: {
      PATH: process.env['PATH'],
      HOME: dataDir,
      PORT: '0',
      OMNIROUTE_DATA_DIR: dataDir,
      OMNIROUTE_AUTH_TOKEN: token,
      // It is started dozens of times: reading its modules is most of what that costs.
      NODE_COMPILE_CACHE: compileCache,
      ...(dieAt === null ? {} : { DIE_AT: dieAt }),
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'close');
  const { promise: listening, resolve, reject } = Promise.withResolvers<string>();
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
    const url = /^listens (\S+)$/m.exec(printed)?.[1];
    if (url !== undefined) resolve(url);
  });
  void exited.then(() => reject(new Error(`it ended before it listened: ${printed}`)));
  try {
    const operation = operate(restCaller(await listening, token));
    // The service dies while it answers.
    await (dieAt === null ? operation : operation.catch(() => {}));
  } finally {
    child.kill('SIGTERM');
    await exited;
  }
  if (dieAt !== null && child.signalCode !== 'SIGKILL') throw new Error(`it never made the step ${dieAt}`);
  return stepsSinceItListened(printed);
}

function stepsSinceItListened(printed: string): string[] {
  const counts = new Map<string, number>();
  const start = printed.indexOf('listens ');
  return [...printed.matchAll(/^step (\S+) (\S+)$/gm)].flatMap(({ index, 1: kind, 2: step }) => {
    const nth = (counts.get(`${kind}:${step}`) ?? 0) + 1;
    counts.set(`${kind}:${step}`, nth);
    return index < start ? [] : [`${kind}:${step}:${nth}`];
  });
}
