import { join } from 'node:path';
import { operationSteps } from '@omniroute/server/plugins/operation';
import { crashAtStep } from '../helpers/crash-at-step.ts';
import { footprint } from '../helpers/footprint.ts';
import { act, install } from '../helpers/plugin-calls.ts';
import { processesOf } from '../helpers/processes.ts';
import type { RestCaller } from '../helpers/rest-caller.ts';
import { poll, startService } from '../helpers/service.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { type Fault, nothingLost } from './fault.ts';
import { addGrowing, configureGrowing, growing, growingText, growingVersion } from './growing-plugin.ts';

type Kind = keyof typeof operationSteps;

interface Killed {
  title: string;
  /** From nothing, from version 1.0.0, or from 2.0.0 with 1.0.0 to go back to. */
  from: 'nothing' | '1.0.0' | '2.0.0';
  operate(caller: { call: RestCaller }, folder: string): Promise<unknown>;
  /** What is found afterwards, where it can be cut short; null where its first step is its last. */
  before: string | null;
  after: string;
}

const serves = (text: string) => `\`active\`, serves ${text}`;

const operations: Record<Kind, Killed> = {
  install: {
    title: 'an installation',
    from: 'nothing',
    operate: async (caller, folder) => install(caller, await growingVersion(folder, '1.0.0')),
    before: 'not installed',
    after: '`installed`',
  },
  upgrade: {
    title: 'an upgrade',
    from: '1.0.0',
    operate: async (caller, folder) =>
      install(caller, await growingVersion(folder, '2.0.0'), { keepConfig: true }),
    before: serves('1.0.0 kept'),
    after: serves('2.0.0 kept'),
  },
  rollback: {
    title: 'a rollback',
    from: '2.0.0',
    operate: (caller) => act(caller, growing, 'rollback'),
    before: serves('2.0.0 plain'),
    after: serves('1.0.0 kept'),
  },
  uninstall: {
    title: 'an uninstallation',
    from: '1.0.0',
    operate: (caller) => act(caller, growing, 'uninstall'),
    before: null,
    after: 'not installed',
  },
  activate: {
    title: 'a restart of a plugin',
    from: '1.0.0',
    operate: (caller) => act(caller, growing, 'restart'),
    before: null,
    after: serves('1.0.0 kept'),
  },
  configure: {
    title: 'a change of config',
    from: '1.0.0',
    operate: (caller) => configureGrowing(caller, 'new'),
    before: null,
    after: serves('1.0.0 new'),
  },
};

/** `kill -9` of the service after every step of an operation in turn. */
export const killFaults: readonly Fault[] = Object.entries(operations).map(([kind, killed]) => ({
  what: `\`kill -9\` of the service at any step of ${killed.title}`,
  expected: {
    answers: 'none: the connection breaks',
    afterwards: killed.before === null ? killed.after : `${killed.before}, or ${killed.after}`,
    lost: nothingLost,
  },
  provoke: async () => {
    const outcomes = new Set<string>();
    const lost = new Set<string>();
    const made = await killedAt(killed, null);
    for (const step of made.steps.filter((each) => each.startsWith(`${kind}:`))) {
      const outcome = await killedAt(killed, step);
      outcomes.add(outcome.text);
      for (const each of outcome.lost) lost.add(each);
    }
    const order = [killed.before ?? killed.after, killed.after];
    return {
      answers: 'none: the connection breaks',
      afterwards: [...outcomes].toSorted((a, b) => order.indexOf(a) - order.indexOf(b)).join(', or '),
      lost: lost.size === 0 ? nothingLost : [...lost].join(', '),
    };
  },
}));

async function killedAt({ from, operate }: Killed, dieAt: string | null) {
  await using work = await temporaryFolder();
  const dataDir = join(work.path, 'data');
  {
    await using service = await startService({ dataDir });
    if (from !== 'nothing') await addGrowing(service, work.path);
    if (from === '2.0.0') await install(service, await growingVersion(work.path, '2.0.0'));
  }
  const steps = await crashAtStep(dataDir, dieAt, (call) => operate({ call }, work.path));
  await poll(async () => (await processesOf(dataDir)).length === 0);
  await using service = await startService({ dataDir });
  const { operations: journal, files } = await footprint(dataDir);
  const leftovers = files.filter((file) => /\.(staging|trash)-/.test(file));
  return {
    steps,
    text: await growingText(service),
    lost: [...(journal.length > 0 ? ['a journal entry is left'] : []), ...leftovers],
  };
}
