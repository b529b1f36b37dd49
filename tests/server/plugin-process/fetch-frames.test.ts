import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { act, runRequest } from '../../helpers/plugin-calls.ts';
import { startServiceBeside } from '../../helpers/plugin-fetches.ts';
import { addVariant } from '../../helpers/plugin-variant.ts';
import { isAlive } from '../../helpers/processes.ts';
import type { Service } from '../../helpers/service.ts';
import { bytes, startUpstream, type TestUpstream } from '../../helpers/upstream.ts';

const megabyte = 1024 * 1024;

let upstream: TestUpstream;
let service: Service;
let url: string;

beforeEach(async () => {
  upstream = await startUpstream(bytes(200, 'ok'));
  service = await startServiceBeside(upstream);
  url = `http://127.0.0.1:${upstream.port}/`;
});

afterEach(async () => {
  await service[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const addForger = (requires: object = { permissions: ['network'], hosts: [`127.0.0.1:${upstream.port}`] }) =>
  addVariant(service, 'forges-fetches', { requires });

/** The plugin once its process has ended. */
const ended = () =>
  service.until(async () => {
    const plugin = await service.plugin('forges-fetches');
    return plugin.process.lastExit !== null && plugin;
  });

describe('a process that writes frames of its own', () => {
  test.each([
    ['id-zero', 'FRAME_UNEXPECTED'],
    ['skipped-id', 'FRAME_UNEXPECTED'],
    ['repeated-id', 'FRAME_UNEXPECTED'],
    ['abort-of-none', 'FRAME_UNEXPECTED'],
    ['head-not-json', 'FRAME_MALFORMED'],
    ['head-too-large', 'FRAME_SIZE'],
    ['body-too-large', 'FRAME_SIZE'],
  ])('is ended for %s: %s', async (forgery, fault) => {
    await service.add('appends-to-message');
    const { process: child } = await addForger();
    await runRequest(service, { forgery, url });
    expect((await ended()).process.lastExit).toMatchObject({ fault });
    expect(await isAlive(child.pid)).toBe(false);
    const response = await service.chat({ content: 'hello' });
    expect((await response.json()).choices[0].message.content).toBe('hello (seen)');
  });

  test('is ended for a 65th request, and its 64 are given up', async () => {
    let open = 0;
    upstream.answer = (response) => {
      open += 1;
      response.once('close', () => {
        open -= 1;
      });
    };
    await addForger();
    await runRequest(service, { forgery: 'more-than-64', url });
    expect((await ended()).process.lastExit).toMatchObject({ fault: 'FRAME_UNEXPECTED' });
    await service.until(async () => open === 0);
    const { requests, failed } = (await service.plugin('forges-fetches')).process.fetches;
    expect({ requests, failed }).toEqual({ requests: 64, failed: 64 });
  });

  test.each([[{}], [{ hosts: ['api.example.com'] }]])(
    'is ended for any, without the permission: %j',
    async (requires) => {
      await addForger(requires);
      await runRequest(service, { forgery: 'first-id', url });
      expect((await ended()).process.lastExit).toMatchObject({ fault: 'FRAME_UNEXPECTED' });
      expect(upstream.requests).toEqual([]);
    },
  );

  test('gets a refusal for each head that is no request, and reaches no prototype', async () => {
    await addForger();
    await runRequest(service, { forgery: 'heads-of-anything', url });
    const { process: child } = await service.until(async () => {
      const plugin = await service.plugin('forges-fetches');
      return plugin.process.fetches.requests === 11 && plugin;
    });
    expect(child).toMatchObject({ lastExit: null, fetches: { failed: 11, bytesSent: 0 } });
    expect(Reflect.has({}, 'polluted')).toBe(false);
    expect((await runRequest(service, {})).metadata).toMatchObject({ answered: true });
  });

  test('may abort what is over already', async () => {
    upstream.answer = () => undefined;
    await addForger();
    await runRequest(service, { forgery: 'aborts-again', url });
    const { process: child } = await service.until(async () => {
      const plugin = await service.plugin('forges-fetches');
      return plugin.process.fetches.requests === 1 && plugin;
    });
    expect(child).toMatchObject({ lastExit: null, fetches: { failed: 1 } });
    expect((await runRequest(service, {})).metadata).toMatchObject({ answered: true });
  });

  test('does not fill the memory of the service with answers that it does not read', async () => {
    await addForger();
    const body = Buffer.alloc(5 * megabyte);
    let turn = Promise.resolve();
    // One after the other: they add up only where they are kept.
    upstream.answer = (response) => {
      turn = turn.then(async () => {
        response.end(body);
        await once(response, 'close');
      });
    };
    const rss = process.memoryUsage().rss;
    let most = 0;
    const call = runRequest(service, { forgery: 'answers-unread', url, sleepMs: 5_000 });
    const { process: child } = await service.until(async () => {
      most = Math.max(most, process.memoryUsage().rss - rss);
      const plugin = await service.plugin('forges-fetches');
      return plugin.process.fetches.requests > 13 && plugin.process.fetches.failed > 0 && plugin;
    });
    expect(child.fetches.hosts).toMatchObject([
      { lastFailure: expect.stringMatching(/^TOO_MANY_IN_FLIGHT/) },
    ]);
    expect((await call).metadata).toMatchObject({ answered: true });
    expect(most).toBeLessThan(300 * megabyte);
  });
});

describe('a plugin that asks without end', () => {
  test('answers its hooks, and costs nobody else', async () => {
    await service.add('appends-to-message');
    await service.add('fetches-without-end');
    const { process: first } = await service.until(async () => {
      const plugin = await service.plugin('fetches-without-end');
      return plugin.process.faults.length > 0 && plugin;
    });
    expect(first.faults).toMatchObject([
      { fault: 'FRAME_RATE', message: expect.stringMatching(/within a second/) },
    ]);
    for (let call = 0; call < 3; call += 1) {
      const startedAt = performance.now();
      expect((await runRequest(service, {})).metadata).toMatchObject({ answered: true });
      expect(performance.now() - startedAt).toBeLessThan(2_500);
    }
    const startedAt = performance.now();
    expect((await service.call('GET', '/api/health')).status).toBe(200);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    const response = await service.chat({ content: 'hello' });
    expect((await response.json()).choices[0].message.content).toBe('hello (seen)');
    await act(service, 'fetches-without-end', 'deactivate');
    const after = (await service.plugin('fetches-without-end')).process;
    // One incident, however long.
    expect(after.faults).toMatchObject([{ fault: 'FRAME_RATE', count: 1 }]);
    expect(after.fetches.hosts).toHaveLength(1);
  });

  test('is read a thousand times a second', async () => {
    const clock = { ms: 0 };
    await using stopped = await startServiceBeside(upstream, { monotonicMs: () => clock.ms });
    const requests = async () => (await stopped.plugin('fetches-without-end')).process.fetches.requests;
    await stopped.add('fetches-without-end');
    for (const seconds of [1, 2]) {
      await stopped.until(async () => (await requests()) >= seconds * 1_000);
      // Meanwhile it could ask some hundred times more; each time that it is tried again lets one through.
      await stopped.add('appends-to-message');
      await act(stopped, 'appends-to-message', 'uninstall');
      expect(await requests()).toBeLessThanOrEqual(seconds * 1_000 + 10);
      clock.ms += 1_000;
    }
  });
});
