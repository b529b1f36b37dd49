import type { LogLine } from '@omniroute/shared/plugin';
import { fixture } from '../helpers/fixture.ts';
import { act, install } from '../helpers/plugin-calls.ts';
import { descendantsOf, isAlive } from '../helpers/processes.ts';
import { type ServiceProcess, startServiceProcess } from '../helpers/service-process.ts';
import { poll } from '../helpers/service.ts';
import { failToStart } from '../helpers/start-script.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { completion, startUpstream } from '../helpers/upstream.ts';
import { type Fault, nothingLost } from './fault.ts';
import { addGrowing, growingText } from './growing-plugin.ts';

const whole = '`active`, serves 1.0.0 kept';

async function add(service: ServiceProcess, name: string): Promise<void> {
  await install(service, fixture(name));
  await act(service, name, 'activate');
}

async function lostAfter(dataDir: string): Promise<string> {
  await using service = await startServiceProcess(dataDir);
  const text = await growingText(service);
  return text === whole ? nothingLost : text;
}

async function chat(service: ServiceProcess): Promise<number> {
  const { status } = await fetch(`${service.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'test-model', messages: [{ role: 'user', content: 'hello' }] }),
  });
  return status;
}

/** How the service ends, and another one that should not be. */
export const endFaults: readonly Fault[] = [
  {
    what: 'a second service is started on the same data directory',
    expected: {
      answers: 'exit code 1, naming the process that holds it',
      afterwards: `the first: ${whole}`,
      lost: nothingLost,
    },
    provoke: async () => {
      await using data = await temporaryFolder();
      await using folder = await temporaryFolder();
      await using service = await startServiceProcess(data.path);
      await addGrowing(service, folder.path);
      const { code, stderr } = await failToStart({ HOME: data.path, OMNIROUTE_DATA_DIR: data.path });
      const named = stderr.includes(`process ${service.pid}`) ? ', naming the process that holds it' : '';
      const text = await growingText(service);
      return {
        answers: `exit code ${code}${named}`,
        afterwards: `the first: ${text}`,
        lost: text === whole ? nothingLost : 'the first',
      };
    },
  },
  {
    what: 'SIGTERM with a request of 4 s in flight, and a plugin that ignores SIGTERM',
    expected: {
      answers: 'the request: 200',
      afterwards: 'exit code 0 within 10 s, 0 processes are left',
      lost: nothingLost,
    },
    provoke: async () => {
      await using data = await temporaryFolder();
      await using folder = await temporaryFolder();
      await using upstream = await startUpstream((response, request) => {
        setTimeout(() => completion('late')(response, request), 4_000);
      });
      await using service = await startServiceProcess(data.path, { OMNIROUTE_UPSTREAM_URL: upstream.url });
      await addGrowing(service, folder.path);
      await add(service, 'outlasts-sigterm');
      const pids = await descendantsOf(service.pid);
      const answer = chat(service);
      await poll(async () => upstream.requests.length > 0);
      const startedAt = performance.now();
      const code = await service.end('SIGTERM');
      const took = performance.now() - startedAt < 10_000 ? 'within 10 s' : 'too late';
      const alive = (await Promise.all(pids.map(isAlive))).filter(Boolean).length;
      return {
        answers: `the request: ${await answer}`,
        afterwards: `exit code ${code} ${took}, ${alive} processes are left`,
        lost: await lostAfter(data.path),
      };
    },
  },
  {
    what: '`kill -9` of the service with a plugin in an endless loop, and one that ignores SIGTERM',
    expected: {
      answers: 'none: the connection breaks',
      afterwards: '0 processes are left after 1 s',
      lost: nothingLost,
    },
    provoke: async () => {
      await using data = await temporaryFolder();
      await using folder = await temporaryFolder();
      await using service = await startServiceProcess(data.path);
      await addGrowing(service, folder.path);
      await add(service, 'outlasts-sigterm');
      await add(service, 'loops-after-activation');
      await poll(async () => {
        const path = '/api/plugins/loops-after-activation/logs';
        const { body } = await service.call<{ lines: LogLine[] }>('GET', path);
        return body.lines.some(({ text }) => text === 'looping');
      });
      const pids = await descendantsOf(service.pid);
      await service.end('SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const alive = (await Promise.all(pids.map(isAlive))).filter(Boolean).length;
      return {
        answers: 'none: the connection breaks',
        afterwards: `${alive} processes are left after 1 s`,
        lost: await lostAfter(data.path),
      };
    },
  },
];
