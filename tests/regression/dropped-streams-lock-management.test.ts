import { expect, test } from 'vitest';
import { startService } from '../helpers/service.ts';

const streams = 300;

test('clients that drop their event streams do not use up the room of management', async () => {
  await using service = await startService();
  const url = `${service.url}/trpc/events.stream?input=${encodeURIComponent('{"topics":["plugins"]}')}`;
  for (let count = 0; count < streams; count += 1) {
    const leaving = new AbortController();
    const headers = { authorization: `Bearer ${service.token}`, accept: 'text/event-stream' };
    const response = await fetch(url, { headers, signal: leaving.signal });
    expect(response.status).toBe(200);
    leaving.abort();
  }
  expect((await service.call('GET', '/api/plugins')).status).toBe(200);
});
