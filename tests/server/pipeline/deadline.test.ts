import { expect, test } from 'vitest';
import { addVariant } from '../../helpers/plugin-variant.ts';
import { hostLines } from '../../helpers/recorded-calls.ts';
import { type Service, startService } from '../../helpers/service.ts';

async function lines(service: Service, name: string) {
  return (await service.logs(name)).map(({ text }) => text);
}

test('a hook past its deadline is told by its signal, and the request goes on', async () => {
  await using service = await startService();
  await addVariant(service, 'tells-when-aborted', { hooks: { onRequest: { timeoutMs: 50 } } });
  const response = await service.chat();
  expect(response.status).toBe(200);
  await service.until(async () =>
    (await lines(service, 'tells-when-aborted')).includes('aborted: the hook ran past its deadline'),
  );
  expect(await hostLines(service, 'tells-when-aborted')).toContainEqual(
    'onRequest failed (TIMEOUT, open): no answer within 50 ms',
  );
});

test('a client that leaves aborts the hook that runs for it', async () => {
  await using service = await startService();
  await addVariant(service, 'tells-when-aborted', { hooks: { onRequest: { timeoutMs: 60_000 } } });
  const leaving = new AbortController();
  const request = fetch(`${service.url}/v1/models`, { signal: leaving.signal });
  await service.until(async () => (await lines(service, 'tells-when-aborted')).includes('waiting'));
  leaving.abort();
  await expect(request).rejects.toThrow('aborted');
  await service.until(async () =>
    (await lines(service, 'tells-when-aborted')).some((line) => line.startsWith('aborted: ')),
  );
  expect(await hostLines(service, 'tells-when-aborted')).toEqual([]);
  expect(service.log.join()).not.toContain('gateway.failed');
});

test('a hook that observes neither changes nor delays the answer', async () => {
  await using service = await startService();
  await service.add('observes-slowly');
  const response = await service.chat({ content: 'first' });
  expect(response.status).toBe(200);
  expect((await response.json()).choices[0].message.content).toBe('first');
  expect(await lines(service, 'observes-slowly')).toEqual([]);
  await service.chat({ content: 'second', headers: { 'x-release': '1' } });
  const seen = await service.until(async () => {
    const all = await lines(service, 'observes-slowly');
    return all.filter((line) => line.includes('onResponse failed')).length === 2 && all;
  });
  expect(seen).toEqual(
    expect.arrayContaining([
      'observed first',
      'observed second',
      'onResponse failed (THROW, closed): broken on purpose',
    ]),
  );
});
