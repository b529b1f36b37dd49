import { expect, test } from 'vitest';
import { startService } from '../../helpers/service.ts';
import { json, startUpstream } from '../../helpers/upstream.ts';

test('a guard written for the original blocks, passes metadata on, changes the response in place and hears of errors', async () => {
  await using upstream = await startUpstream();
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await service.add('original-guard');

  const blocked = await service.chat({ content: 'forbidden' });
  expect(blocked.status).toBe(451);
  expect(await blocked.json()).toEqual({ error: 'forbidden' });

  const passed = await service.chat({ content: 'allowed' });
  expect(passed.status).toBe(200);
  expect(passed.headers.get('x-seen')).toBe('true');
  expect((await passed.json()).choices[0].message.content).toBe('from upstream');

  upstream.answer = json(500, { error: { message: 'broken' } });
  const failed = await service.chat({ content: 'allowed' });
  expect(failed.status).toBe(500);
  const line = await service.until(async () => (await service.logs('original-guard'))[0]);
  expect(line.text).toContain(`error of ${failed.headers.get('x-request-id')}: `);
});

test('a theme written for the original adds to the body that it read', async () => {
  await using service = await startService();
  await service.add('original-theme');
  const response = await service.chat({ content: 'hello' });
  const body = await response.json();
  expect(body.theme).toEqual({ accent: '#112233' });
  expect(body.choices[0].message.content).toBe('hello');
});
