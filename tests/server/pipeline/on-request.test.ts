import { expect, test } from 'vitest';
import { startService } from '../../helpers/service.ts';

test('a hook changes what the upstream gets', async () => {
  await using service = await startService();
  await service.add('appends-to-message');
  const response = await service.chat({ content: 'hello' });
  expect(response.status).toBe(200);
  const body = await response.json();
  expect(body.choices[0].message.content).toBe('hello (seen)');
});

test('a hook that exits leaves the request unchanged, and its exit is kept', async () => {
  await using service = await startService();
  await service.add('exits-in-hook');
  const response = await service.chat({ content: 'hello' });
  expect(response.status).toBe(200);
  const plugin = await service.until(async () => {
    const found = await service.plugin('exits-in-hook');
    return found.process.lastExit !== null && found;
  });
  expect(plugin).toMatchObject({ enabled: true, status: 'active', process: { lastExit: { code: 3 } } });
});
