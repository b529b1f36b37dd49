import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { crashAtStep } from './crash-at-step.ts';
import { runRequest } from './plugin-calls.ts';
import { writePackage } from './plugin-package.ts';
import { processesOf } from './processes.ts';
import type { RestCaller } from './rest-caller.ts';
import { poll, type Service, startService } from './service.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { wholeState } from './whole-state.ts';

interface Versions {
  /** Writes a version of the plugin `grows`, and returns its folder. */
  (version: string, more?: { manifest?: object; onActivate?: string }): Promise<string>;
}

export interface KillScenario {
  what: string;
  /** What is there before; the service is stopped afterwards. */
  prepare(service: Service, version: Versions): Promise<unknown>;
  operate(caller: { call: RestCaller }, version: Versions): Promise<unknown>;
  /** The step from which on the operation has come true; null: it fails, and never does. */
  doneAt: string | null;
  /** What the operation should go through. */
  steps: readonly string[];
}

/**
 * Kills the service after each step of an operation in turn, and starts it again: what is found then must be the old state
 * or the new one, whole, with no process, journal entry or folder left over.
 */
export async function killAtEveryStep({ prepare, operate, doneAt, steps }: KillScenario): Promise<void> {
  await using work = await temporaryFolder();
  const version: Versions = (number, more) =>
    writeVersion(join(work.path, `package-${number}`), number, more);
  // Always at the same place: a data directory knows where its plugins are.
  const dataDir = join(work.path, 'data');
  const prepared = join(work.path, 'prepared');
  {
    await using service = await startService({ dataDir });
    await prepare(service, version);
  }
  await rename(dataDir, prepared);
  const reset = async () => {
    await rm(dataDir, { recursive: true, force: true });
    await cp(prepared, dataDir, { recursive: true });
  };

  await reset();
  const oldState = await stateAfterStart(dataDir);
  await reset();
  const made = await crashAtStep(dataDir, null, (call) => operate({ call }, version));
  const newState = await stateAfterStart(dataDir);
  expect(new Set(made.map((step) => step.split(':')[1]))).toEqual(new Set(steps));
  if (doneAt !== null) expect(newState).not.toEqual(oldState);

  for (const step of made) {
    await reset();
    await crashAtStep(dataDir, step, (call) => operate({ call }, version));
    await poll(async () => (await processesOf(dataDir)).length === 0);
    const isDone = doneAt !== null && made.indexOf(step) >= made.indexOf(doneAt);
    expect(await stateAfterStart(dataDir), `killed after ${step}`).toEqual(isDone ? newState : oldState);
  }
}

/** What a start makes of a data directory, with what an active plugin answers. */
async function stateAfterStart(dataDir: string) {
  await using service = await startService({ dataDir });
  const [plugin] = await service.plugins();
  const serves = plugin?.status === 'active' ? (await runRequest(service)).metadata : null;
  if (plugin?.status === 'active') expect(serves).toMatchObject({ version: plugin.version });
  const { operations, ...state } = await wholeState(dataDir);
  expect(operations).toEqual([]);
  expect(Object.keys(state.files).filter((file) => /\.(staging|trash)-/.test(file))).toEqual([]);
  return { ...state, serves };
}

function writeVersion(
  dir: string,
  version: string,
  { manifest = {}, onActivate = '' }: { manifest?: object; onActivate?: string } = {},
): Promise<string> {
  return writePackage(
    dir,
    {
      name: 'grows',
      version,
      requires: { permissions: ['file-write'] },
      hooks: { onRequest: true, onInstall: true, onActivate: true, onUninstall: true },
      configSchema: { greeting: { type: 'string', default: 'hello' } },
      ...manifest,
    },
    {
      'index.js': `import { writeFileSync } from 'node:fs';
        import { join } from 'node:path';
        console.log('loaded');
        export const onRequest = ({ config }) => ({ metadata: { version: '${version}', greeting: config.greeting } });
        export const onInstall = () => writeFileSync(join(process.env.PLUGIN_DATA_DIR, 'kept'), 'x');
        export const onActivate = () => { ${onActivate} };
        export const onUninstall = () => {};`,
    },
  );
}
