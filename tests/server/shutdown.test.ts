import { once } from 'node:events';
import { connect } from 'node:net';
import type { LogLine, PluginDetail } from '@omniroute/shared/plugin';
import { expect, test } from 'vitest';
import { fixture } from '../helpers/fixture.ts';
import { act, install } from '../helpers/plugin-calls.ts';
import { descendantsOf, isAlive, leavesOf } from '../helpers/processes.ts';
import { type ServiceProcess, startServiceProcess } from '../helpers/service-process.ts';
import { poll } from '../helpers/service.ts';
import { failToStart } from '../helpers/start-script.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { completion, startUpstream } from '../helpers/upstream.ts';

const chat = (service: ServiceProcess, content: string) =>
  fetch(`${service.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'test-model', messages: [{ role: 'user', content }] }),
  });

async function add(service: ServiceProcess, name: string): Promise<void> {
  await install(service, fixture(name));
  expect((await act(service, name, 'activate')).status).toBe(200);
}

async function hasLogged(service: ServiceProcess, name: string, line: string): Promise<boolean> {
  const { body } = await service.call<{ lines: LogLine[] }>('GET', `/api/plugins/${name}/logs`);
  return body.lines.some(({ text }) => text === line);
}

async function acceptsConnections(url: string): Promise<boolean> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const accepted = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return accepted;
}

/** Services start as processes of their own here, several of them in turn. */
const timeout = 60_000;

test('SIGTERM answers a request that takes 4 s more, ends a plugin that will not end, and is done within 10 s', {
  timeout,
}, async () => {
  await using folder = await temporaryFolder();
  await using upstream = await startUpstream((response, request) => {
    setTimeout(() => completion('late, but whole')(response, request), 4_000);
  });
  await using service = await startServiceProcess(folder.path, { OMNIROUTE_UPSTREAM_URL: upstream.url });
  await add(service, 'adds-word');
  await add(service, 'outlasts-sigterm');
  const pids = await descendantsOf(service.pid);
  const answer = chat(service, 'take your time');
  await poll(async () => upstream.requests.length > 0);
  const startedAt = performance.now();
  const ended = service.end('SIGTERM');
  await poll(async () => !(await acceptsConnections(service.url)));
  const response = await answer;
  expect(response.status).toBe(200);
  expect((await response.json()).choices[0].message.content).toBe('late, but whole');
  expect(await ended).toBe(0);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(await Promise.all(pids.map(isAlive))).toEqual(pids.map(() => false));
});

test('kill -9 leaves no process of a plugin after a second, whether it loops or ignores signals', {
  timeout,
}, async () => {
  await using folder = await temporaryFolder();
  await using service = await startServiceProcess(folder.path);
  for (const name of ['adds-word', 'outlasts-sigterm', 'loops-after-activation']) await add(service, name);
  await poll(() => hasLogged(service, 'loops-after-activation', 'looping'));
  const pids = await descendantsOf(service.pid);
  expect(await leavesOf(service.pid)).toHaveLength(3);
  await service.end('SIGKILL');
  const killedAt = performance.now();
  await poll(async () => (await Promise.all(pids.map(isAlive))).every((alive) => !alive));
  expect(performance.now() - killedAt).toBeLessThan(1_000);
});

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'the data directory is free for another service the moment that the first one has ended by %s',
  { timeout },
  async (signal) => {
    await using folder = await temporaryFolder();
    await using first = await startServiceProcess(folder.path);
    await add(first, 'adds-word');
    const { code, stderr } = await failToStart({ HOME: folder.path, OMNIROUTE_DATA_DIR: folder.path });
    expect(code).toBe(1);
    expect(stderr).toContain(`process ${first.pid}`);
    await first.end(signal);
    await using second = await startServiceProcess(folder.path);
    const { body } = await second.call<{ plugin: PluginDetail }>('GET', '/api/plugins/adds-word');
    expect(body.plugin).toMatchObject({ status: 'active', process: { state: 'running' } });
  },
);
