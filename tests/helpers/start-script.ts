import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const startScript = fileURLToPath(new URL('../../server/start.js', import.meta.url));

/** The service as its own process, started as the README's command does. */
export interface StartedService extends AsyncDisposable {
  readonly pid: number;
  readonly url: string;
  /** What it printed before it listened. */
  readonly greeting: string;
  kill(signal: NodeJS.Signals): void;
  /** The exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
}

/**
 * Starts the service and resolves when it listens. Rejects with what it printed where it does not.
 *
 * @param prefix a command that runs it, with that command's arguments
 */
export async function runStartScript(
  env: Record<string, string>,
  prefix: readonly string[] = [],
): Promise<StartedService> {
  const run = runStart(env, prefix);
  const greeting = await run.greeting;
  const url = /http:\/\/localhost:\d+/.exec(greeting)?.[0];
  if (url === undefined || run.child.pid === undefined) throw new Error(`it printed no address: ${greeting}`);
  return {
    pid: run.child.pid,
    url,
    greeting,
    kill: (signal) => run.child.kill(signal),
    exited: run.exited,
    [Symbol.asyncDispose]: async () => {
      run.child.kill('SIGKILL');
      await run.exited;
    },
  };
}

/** Starts the service where it must refuse, and resolves with its exit code and what it said. */
export async function failToStart(
  env: Record<string, string>,
  prefix: readonly string[] = [],
): Promise<{ code: number; stderr: string }> {
  const { child, exited, stderr, greeting } = runStart(env, prefix);
  greeting.catch(() => {});
  const code = await exited;
  if (typeof code !== 'number') throw new Error(`process ${child.pid} was ended by ${code}`);
  return { code, stderr: stderr() };
}

interface Run {
  child: ChildProcess;
  greeting: Promise<string>;
  exited: Promise<number | NodeJS.Signals>;
  stderr: () => string;
}

function runStart(env: Record<string, string>, prefix: readonly string[]): Run {
  const [file, ...args] = [...prefix, process.execPath, startScript];
  const child = spawn(file, args, {
    env: { PATH: process.env.PATH, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const errors: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const stderr = () => errors.join('');
  const exited = once(child, 'exit').then(([code, signal]: (number | NodeJS.Signals | null)[]) => {
    return (code ?? signal) as number | NodeJS.Signals;
  });
  const { promise: greeting, resolve, reject } = Promise.withResolvers<string>();
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
    if (printed.includes('Plugins  ')) resolve(printed);
  });
  void exited.then((how) => reject(new Error(`the service ended with ${how}: ${stderr()}`)));
  return { child, greeting, exited, stderr };
}
