import { expect, test } from 'vitest';
import { addVariant } from '../helpers/plugin-variant.ts';
import { startService } from '../helpers/service.ts';
import { bytes, done, event, eventStream, startUpstream } from '../helpers/upstream.ts';

const closed = { hooks: { onRequest: true, onResponse: { failure: 'closed' } } };

test('JSON that is none does not pass a hook that fails closed', async () => {
  await using upstream = await startUpstream(bytes(200, '{bad', { 'content-type': 'application/json' }));
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await addVariant(service, 'sets-metadata', closed);
  const response = await service.chat();
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ error: { code: 'PLUGIN_UNAVAILABLE' } });
});

test('a stream that says it is encoded as identity passes a hook that fails closed', async () => {
  const chunk = event({ choices: [{ index: 0, delta: { content: 'hi' }, finish_reason: 'stop' }] });
  await using upstream = await startUpstream(eventStream([chunk, done], { 'content-encoding': 'identity' }));
  await using service = await startService({ env: { OMNIROUTE_UPSTREAM_URL: upstream.url } });
  await addVariant(service, 'sets-metadata', closed);
  const response = await service.chat({ stream: true });
  expect(response.status).toBe(200);
  expect(await response.text()).toBe(chunk + done);
});
