import { KeyedQueue } from '@omniroute/server/plugins/keyed-queue';
import { expect, test } from 'vitest';

test('work on one key runs in the order of arrival, one after the other', async () => {
  const queue = new KeyedQueue();
  const seen: string[] = [];
  const work = (label: string) =>
    queue.run('key', async () => {
      seen.push(`${label} begins`);
      await Promise.resolve();
      seen.push(`${label} ends`);
    });
  await Promise.all([work('first'), work('second'), work('third')]);
  expect(seen).toEqual(['first', 'second', 'third'].flatMap((label) => [`${label} begins`, `${label} ends`]));
});

test('work that fails lets the next one run', async () => {
  const queue = new KeyedQueue();
  const failing = queue.run('key', () => Promise.reject(new Error('on purpose')));
  const next = queue.run('key', () => Promise.resolve('done'));
  await expect(failing).rejects.toThrow('on purpose');
  expect(await next).toBe('done');
});

test('who waits too long is told that the plugin is busy, does not run, and breaks nobody’s turn', async () => {
  const queue = new KeyedQueue(20);
  const { promise: slow, resolve: finish } = Promise.withResolvers<string>();
  const first = queue.run('key', () => slow);
  let ran = false;
  const impatient = queue.run('key', async () => {
    ran = true;
  });
  await expect(impatient).rejects.toMatchObject({ code: 'PLUGIN_BUSY' });
  const order: string[] = [];
  void first.then(() => order.push('first'));
  const last = queue.run('key', async () => order.push('last'), 10_000);
  const idle = queue.idle().then(() => order.push('idle'));
  // A turn of the event loop: enough for work that does not wait to have run.
  await new Promise((resolve) => setImmediate(resolve));
  expect(order).toEqual([]);
  finish('first');
  await Promise.all([first, last, idle]);
  expect(order).toEqual(['first', 'last', 'idle']);
  expect(ran).toBe(false);
});

test('different keys do not wait for each other', async () => {
  const queue = new KeyedQueue();
  const { promise: slow, resolve: finish } = Promise.withResolvers<void>();
  const first = queue.run('a', () => slow);
  expect(await queue.run('b', () => Promise.resolve('b'))).toBe('b');
  finish();
  await first;
});
