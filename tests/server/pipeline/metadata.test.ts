import type { PipelineRequestOutput } from '@omniroute/shared/pipeline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hostLines } from '../../helpers/recorded-calls.ts';
import { type Service, startService } from '../../helpers/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
  await service.add('metadata-cases');
});
afterAll(() => service[Symbol.asyncDispose]());

interface Output {
  result: { data: PipelineRequestOutput };
}

async function metadataAfter(name: string) {
  const { body } = await service.call<Output>('POST', '/trpc/pipeline.request', {
    headers: { 'x-case': name },
    body: {},
    metadata: { given: { count: 1 } },
  });
  return body.result.data.metadata;
}

test.each([
  ['set in place', { given: { count: 1 }, one: { deep: [1] } }],
  ['changed in place', { given: { count: 2 } }],
  ['assigned as a whole', { given: { count: 1 }, one: 1 }],
  ['returned', { given: { count: 1 }, one: 1 }],
  ['returned over what is set', { given: { count: 1 }, one: 'returned' }],
  ['returned over what was given', { given: { other: true } }],
  ['with forbidden keys', { given: { count: 1 }, one: 1 }],
])('metadata %s is merged shallowly', async (name, expected) => {
  const metadata = await metadataAfter(name);
  expect(metadata).toEqual(expected);
  expect(Object.keys(metadata).toSorted()).toEqual(Object.keys(expected).toSorted());
});

test('metadata up to 64 KiB travels', async () => {
  expect((await metadataAfter('a little below the limit')).one).toHaveLength(64 * 1024 - 100);
});

test.each(['over the limit', 'far over the limit'])(
  'metadata %s is a failure of the hook and changes nothing',
  async (name) => {
    expect(await metadataAfter(name)).toEqual({ given: { count: 1 } });
    const failures = (await hostLines(service, 'metadata-cases')).filter((line) => line.includes('failed'));
    expect(failures.at(-1)).toMatch(/^onRequest failed \(INVALID_RETURN, open\): .*metadata/);
  },
);

test('metadata that the caller sends is refused over 64 KiB', async () => {
  const { status, body } = await service.call('POST', '/trpc/pipeline.request', {
    body: {},
    metadata: { big: 'x'.repeat(64 * 1024) },
  });
  expect(status).toBe(400);
  expect(body).toMatchObject({ error: { data: { app: { code: 'INVALID_REQUEST' } } } });
});

test('what onRequest sets, onResponse of the same request reads', async () => {
  await using other = await startService();
  await other.add('sets-metadata');
  const response = await other.chat();
  expect(response.headers.get('x-seen-by')).toBe('sets-metadata');
});
