import { expect, test } from 'vitest';
import { startService } from '../helpers/service.ts';

test.each([
  ['a content encoding of identity', { 'content-encoding': 'identity' }, Buffer.from([])],
  ['a byte that is not UTF-8', {}, Buffer.from([0xff])],
])('a guard sees the body of a request with %s', async (_name, headers, oddBytes) => {
  await using service = await startService();
  await service.add('blocks-a-word');
  const body = Buffer.concat([
    Buffer.from('{"model":"m","messages":[{"role":"user","content":"secret'),
    oddBytes,
    Buffer.from('"}]}'),
  ]);
  const response = await fetch(`${service.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  expect(response.status).toBe(403);
});
