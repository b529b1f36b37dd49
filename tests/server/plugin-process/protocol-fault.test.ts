import { expect, test } from 'vitest';
import { act } from '../../helpers/plugin-calls.ts';
import { isAlive } from '../../helpers/processes.ts';
import { type Service, startService } from '../../helpers/service.ts';

/** The plugin once one of its processes has ended. */
function ended(service: Service, name: string) {
  return service.until(async () => {
    const plugin = await service.plugin(name);
    return plugin.process.lastExit !== null && plugin;
  });
}

test.each([
  ['bytes that are no frame', 'channel-garbage', 'FRAME_SIZE', 'over the limit'],
  ['a frame of 4 GiB', 'channel-oversized-frame', 'FRAME_SIZE', 'over the limit'],
  ['an answer that nobody asked for', 'channel-unknown-id', 'FRAME_UNEXPECTED', 'unexpected frame'],
  ['a second answer', 'channel-replies-twice', 'FRAME_UNEXPECTED', 'unexpected frame'],
  ['a head that is not JSON', 'channel-head-not-json', 'FRAME_MALFORMED', 'not JSON'],
  ['a body without end', 'channel-endless-body', 'FRAME_UNEXPECTED', 'unexpected frame'],
  ['a closed channel', 'channel-closed', 'CHANNEL_CLOSED', 'closed its channel'],
])('%s ends that process with a reason, and nobody else', async (_what, name, fault, reason) => {
  await using service = await startService();
  const bystander = await service.add('appends-to-message');
  const { process: child } = await service.add(name);
  const rssBefore = process.memoryUsage().rss;
  const response = await service.chat({ content: 'hello' });
  expect(response.status).toBe(200);
  expect((await response.json()).choices[0].message.content).toBe('hello (seen)');
  const plugin = await ended(service, name);
  expect(plugin).toMatchObject({ enabled: true, process: { lastExit: { fault } } });
  expect(plugin.process.lastExit?.reason).toContain(reason);
  expect(plugin.process.faults).toMatchObject([{ fault, message: expect.stringContaining(reason) }]);
  expect(await service.logs(name)).toContainEqual(
    expect.objectContaining({ stream: 'host', text: expect.stringMatching(`^${fault}: .*${reason}`) }),
  );
  expect(await isAlive(child.pid)).toBe(false);
  expect((await service.plugin('appends-to-message')).process.pid).toBe(bystander.process.pid);
  expect(process.memoryUsage().rss - rssBefore).toBeLessThan(250 * 1024 * 1024);
});

test('a handshake that is forged at load ends the plugin', async () => {
  await using service = await startService();
  await service.add('forges-its-handshake', { activate: false });
  await act(service, 'forges-its-handshake', 'activate');
  const plugin = await ended(service, 'forges-its-handshake');
  expect(plugin.process.lastExit).toMatchObject({ fault: 'FRAME_UNEXPECTED' });
  expect((await service.chat()).status).toBe(200);
});
