import { expect, test } from 'vitest';
import { startService } from '../helpers/service.ts';

const clients = 40;

test('clients that leave while a slow hook runs do not count against the plugin', async () => {
  await using service = await startService();
  const before = await service.add('answers-slowly');
  const leaving = new AbortController();
  const requests = Array.from({ length: clients }, () =>
    service.chat({ content: 'slow', signal: leaving.signal }).catch(() => null),
  );
  await service.until(async () => (await countLines('started')) === clients);
  leaving.abort();
  await Promise.all(requests);
  await service.until(async () => (await countLines('done')) === clients);
  expect(await service.plugin('answers-slowly')).toMatchObject({
    status: 'active',
    process: { pid: before.process.pid },
  });
  expect((await service.chat({ content: 'quick' })).status).toBe(200);

  async function countLines(text: string): Promise<number> {
    return (await service.logs('answers-slowly')).filter((line) => line.text === text).length;
  }
});
