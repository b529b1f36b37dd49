import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { PluginDetail } from '@omniroute/shared/plugin';
import type { ErrorBody } from '@omniroute/shared/error-code';
import { fixture } from '../helpers/fixture.ts';
import { act, install } from '../helpers/plugin-calls.ts';
import { writePackage } from '../helpers/plugin-package.ts';
import { type Service, startService } from '../helpers/service.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { answerText, type Fault, nothingLost, type Outcome } from './fault.ts';

const name = 'faulty';
const word = 'kept';
const settleMs = 30_000;
/** Longer than it takes to measure a data folder, or to end a process that is given up. */
const goesOnMs = 7_000;
const policies = ['open', 'closed'] as const;

interface PluginFault {
  what: string;
  /** The code of the entry: a fixture, or `onRequest`'s body. The message `provoke` makes it fail. */
  plugin: { fixture: string } | { source: string } | { onRequest: string };
  timeoutMs?: number;
  permissions?: readonly string[];
  /** So many requests at once, with so many bytes each. */
  requests?: { count: number; bytes: number };
  /** How often it is provoked, each time once it runs again. */
  times?: number;
  expected: { open: string; closed: string; afterwards: string };
}

/** A fault of a plugin, with its hook open and with its hook closed. */
export function pluginFault(fault: PluginFault): Fault {
  const { open, closed, afterwards } = fault.expected;
  return {
    what: fault.what,
    expected: { answers: `${open}; ${closed}`, afterwards, lost: nothingLost },
    provoke: async () => {
      const outcomes: Outcome[] = [];
      for (const policy of policies) outcomes.push(await provoke(fault, policy));
      const [first, second] = outcomes;
      if (!first || !second) throw new Error('a policy was left out');
      const different = first.afterwards === second.afterwards ? [] : [second.afterwards];
      return {
        answers: `${first.answers}; ${second.answers}`,
        afterwards: [first.afterwards, ...different].join(' / '),
        lost: first.lost === second.lost ? first.lost : `${first.lost} / ${second.lost}`,
      };
    },
  };
}

async function provoke(fault: PluginFault, policy: (typeof policies)[number]): Promise<Outcome> {
  await using service = await startService();
  await add(service, fault, policy);
  const bystander = await service.add('reports-process');
  const answers = new Set<string>();
  const before = await service.plugin(name);
  let after = before;
  for (let time = 0; time < (fault.times ?? 1); time += 1) {
    for (const answer of await send(service, fault)) answers.add(answer);
    after = await settled(service, after);
  }
  return {
    answers: [...answers].toSorted().join(' or '),
    afterwards: describe(before, after),
    lost: await losses(service, { before, after, bystander }),
  };
}

async function add(service: Service, fault: PluginFault, failure: string): Promise<void> {
  await using folder = await temporaryFolder();
  const { plugin, timeoutMs = 2_000, permissions = [] } = fault;
  const source = await sourceOf(plugin);
  await writePackage(
    folder.path,
    {
      name,
      hooks: { onRequest: { failure, timeoutMs } },
      requires: { permissions },
      configSchema: { word: { type: 'string' } },
    },
    { 'index.js': source },
  );
  const installed = await install(service, folder.path);
  const activated = await act(service, name, 'activate');
  if (installed.status !== 201 || activated.status !== 200) throw new Error(`${fault.what}: not prepared`);
  await service.call('PUT', `/api/plugins/${name}/config`, { config: { word } });
}

async function sourceOf(plugin: PluginFault['plugin']): Promise<string> {
  if ('source' in plugin) return plugin.source;
  if ('fixture' in plugin) return readFile(join(fixture(plugin.fixture), 'index.js'), 'utf8');
  return `import * as fs from 'node:fs';
    export async function onRequest(ctx) {
      if (!ctx.body.messages[0].content.startsWith('provoke')) return;
      ${plugin.onRequest}
    }`;
}

async function send(service: Service, { requests }: PluginFault): Promise<string[]> {
  const { count, bytes } = requests ?? { count: 1, bytes: 0 };
  const content = 'provoke'.padEnd(bytes);
  const responses = await Promise.all(Array.from({ length: count }, () => service.chat({ content })));
  return Promise.all(
    responses.map(async (response) => {
      const text = await response.text();
      if (response.status === 200) return '200';
      const { error }: ErrorBody = JSON.parse(text);
      return answerText(response.status, error.code);
    }),
  );
}

/** Until another process of it runs, it is given up, or the same one has gone on for a while. */
async function settled(service: Service, before: PluginDetail): Promise<PluginDetail> {
  const startedAt = performance.now();
  for (;;) {
    const plugin = await service.plugin(name);
    const { state, pid } = plugin.process;
    const tookMs = performance.now() - startedAt;
    if (plugin.status === 'error') return plugin;
    if (state === 'running' && (pid !== before.process.pid || tookMs > goesOnMs)) return plugin;
    if (tookMs > settleMs) throw new Error(`it does not settle: ${JSON.stringify(plugin.process)}`);
    await wait(20);
  }
}

function describe(before: PluginDetail, { status, process: child, errorMessage }: PluginDetail): string {
  const faults = child.faults.map(({ fault }) => `\`${fault}\``).toSorted();
  const how =
    status === 'error'
      ? [
          `\`error\`: "${(errorMessage ?? '')
            .split(/[.,:]|at least/, 1)
            .join('')
            .replaceAll(/\/\S+/g, '…')
            .trim()} …"`,
        ]
      : [`\`${status}\``, child.pid === before.process.pid ? 'its process goes on' : 'started again'];
  return [...how, ...faults].join(', ');
}

/** What is gone: of its row, of a bystander, or of what it does once it is activated again. */
async function losses(
  service: Service,
  { before, after, bystander }: { before: PluginDetail; after: PluginDetail; bystander: PluginDetail },
): Promise<string> {
  const { process: child, status } = await service.plugin(bystander.name);
  const lost = [
    ...(after.version === before.version && after.enabled ? [] : ['its version or wish']),
    ...(after.config['word'] === word ? [] : ['its config']),
    ...(status === 'active' && child.pid === bystander.process.pid ? [] : ['a bystander']),
  ];
  const response = await service.chat({ content: 'are you there?' });
  await response.arrayBuffer();
  if (![200, 503].includes(response.status)) lost.push(`the gateway: ${response.status}`);
  return lost.length === 0 ? nothingLost : lost.join(', ');
}
