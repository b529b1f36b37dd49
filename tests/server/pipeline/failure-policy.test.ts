import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addVariant } from '../../helpers/plugin-variant.ts';
import { hostLines } from '../../helpers/recorded-calls.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const failures = [
  ['throws an error', 'THROW', 'broken on purpose'],
  ['throws a string', 'THROW', 'broken on purpose'],
  ['throws what cannot be shown', 'THROW', 'cannot be shown'],
  ['rejects', 'THROW', 'broken on purpose'],
  ['never answers', 'TIMEOUT', 'no answer within 500 ms'],
  ['returns a thenable that never settles', 'TIMEOUT', 'no answer within 500 ms'],
  ['returns a string', 'INVALID_RETURN', 'not string'],
  ['returns a number', 'INVALID_RETURN', 'not number'],
  ['returns NaN', 'INVALID_RETURN', 'not number'],
  ['returns true', 'INVALID_RETURN', 'not boolean'],
  ['returns an array', 'INVALID_RETURN', 'not an array'],
  ['returns a function', 'INVALID_RETURN', 'not function'],
  ['returns a symbol', 'INVALID_RETURN', 'not symbol'],
  ['returns a BigInt', 'INVALID_RETURN', 'not bigint'],
  ['returns a throwing proxy', 'INVALID_RETURN', 'thrown inside'],
  ['returns a throwing getter', 'INVALID_RETURN', 'thrown inside'],
  ['returns a cyclic body', 'INVALID_RETURN', 'circular'],
  ['returns a body with a BigInt', 'INVALID_RETURN', 'BigInt'],
  ['returns a function as body', 'INVALID_RETURN', 'function'],
  ['returns a symbol as body', 'INVALID_RETURN', 'symbol'],
  ['returns a body whose toJSON throws', 'INVALID_RETURN', 'thrown inside'],
  ['returns a body over 32 MiB', 'INVALID_RETURN', 'larger than'],
  ['returns cyclic metadata', 'INVALID_RETURN', 'circular'],
  ['returns metadata with a BigInt', 'INVALID_RETURN', 'BigInt'],
  ['returns metadata that is a string', 'INVALID_RETURN', '"metadata"'],
  ['returns metadata that nests too deep', 'INVALID_RETURN', 'too deep'],
  ['returns headers that are a string', 'INVALID_RETURN', '"headers"'],
  ['returns a header that is an object', 'INVALID_RETURN', 'header "x-a"'],
  ['returns a header name with a blank', 'INVALID_RETURN', 'header name'],
  ['returns a header with a line break', 'INVALID_RETURN', 'header'],
] as const;

describe.each(['open', 'closed'])('an onRequest hook that fails %s', (policy) => {
  let service: Service;

  beforeAll(async () => {
    service = await startService();
    await addVariant(service, 'fails-on-request', {
      hooks: { onRequest: { timeoutMs: 500, failure: policy } },
    });
  });
  afterAll(() => service[Symbol.asyncDispose]());

  test.each(failures)('and %s is judged by its policy and logged as %s', async (name, failure, reason) => {
    const response = await service.chat({ content: 'hello', headers: { 'x-case': name } });
    const body = await response.json();
    if (policy === 'open') {
      expect(response.status).toBe(200);
      expect(body.choices[0].message.content).toBe('hello');
    } else {
      expect(response.status).toBe(503);
      expect(body.error).toMatchObject({ code: 'PLUGIN_UNAVAILABLE', type: 'plugin' });
    }
    const lines = (await hostLines(service, 'fails-on-request')).filter((line) => line.includes('failed'));
    expect(lines.at(-1)).toContain(`onRequest failed (${failure}, ${policy}): `);
    expect(lines.at(-1)).toContain(reason);
  });

  test('leaves the plugin running', async () => {
    expect(await service.plugin('fails-on-request')).toMatchObject({
      status: 'active',
      process: { state: 'running' },
    });
  });
});

test('the stack of what a hook threw is in the log of its plugin', async () => {
  await using service = await startService();
  await service.add('fails-on-request');
  await service.chat({ headers: { 'x-case': 'throws an error' } });
  expect(await hostLines(service, 'fails-on-request')).toContainEqual(
    expect.stringMatching(/at .*fails-on-request\/index\.js:\d+/),
  );
});

test.each([
  ['open', 200],
  ['closed', 503],
])('a plugin that has crashed still counts: %s answers %i', async (failure, status) => {
  await using service = await startService();
  await addVariant(service, 'exits-in-hook', { hooks: { onRequest: { failure } } });
  const during = await service.chat();
  expect(during.status).toBe(status);
  await service.until(async () => (await service.plugin('exits-in-hook')).process.state === 'restarting');
  const after = await service.chat();
  expect(after.status).toBe(status);
  const lines = await hostLines(service, 'exits-in-hook');
  expect(lines).toContainEqual(expect.stringContaining(`onRequest failed (EXITED, ${failure})`));
  expect(lines).toContainEqual(expect.stringContaining(`onRequest failed (NOT_RUNNING, ${failure})`));
});

test.each([
  ['open', 200],
  ['closed', 503],
])('a plugin that does not start with the service still counts: %s answers %i', async (failure, status) => {
  await using data = await temporaryFolder();
  {
    await using service = await startService({ dataDir: data.path });
    await addVariant(service, 'adds-word', { hooks: { onRequest: { failure } } });
    expect((await service.chat()).status).toBe(200);
  }
  await writeFile(join(data.path, 'plugins/adds-word/index.js'), 'throw new Error("broken on disk");');
  await using service = await startService({ dataDir: data.path });
  expect(await service.plugin('adds-word')).toMatchObject({ status: 'error', enabled: true });
  expect((await service.chat()).status).toBe(status);
  expect((await hostLines(service, 'adds-word')).at(-1)).toContain(`(NOT_RUNNING, ${failure})`);
});

test.each([
  ['open', 200],
  ['closed', 503],
])('a plugin that may not run in safe mode still counts: %s answers %i', async (failure, status) => {
  await using data = await temporaryFolder();
  {
    await using service = await startService({ dataDir: data.path });
    await addVariant(service, 'adds-word', { hooks: { onRequest: { failure } } });
  }
  await using service = await startService({ dataDir: data.path, env: { OMNIROUTE_SAFE_MODE: '1' } });
  expect((await service.chat()).status).toBe(status);
});

test('a closed hook that fails answers a streaming client with the same 503', async () => {
  await using service = await startService();
  await addVariant(service, 'fails-on-request', { hooks: { onRequest: { failure: 'closed' } } });
  const response = await service.chat({ stream: true, headers: { 'x-case': 'throws an error' } });
  expect(response.status).toBe(503);
  expect((await response.json()).error.code).toBe('PLUGIN_UNAVAILABLE');
});

test('a deactivated guard guards nothing', async () => {
  await using service = await startService();
  await addVariant(service, 'fails-on-request', { hooks: { onRequest: { failure: 'closed' } } });
  await service.call('POST', '/api/plugins/fails-on-request/deactivate');
  expect((await service.chat()).status).toBe(200);
});

test.each([
  ['open', 200],
  ['closed', 503],
])('beyond 64 calls in flight the policy decides: %s answers %i', async (failure, status) => {
  await using service = await startService();
  await addVariant(service, 'holds-calls', { hooks: { onRequest: { timeoutMs: 20_000, failure } } });
  const leaving = new AbortController();
  const left = fetch(`${service.url}/v1/models`, { signal: leaving.signal }).catch(() => 'gone');
  const held = Array.from({ length: 63 }, () => service.chat());
  await service.until(async () => (await service.logs('holds-calls')).some(({ text }) => text === 'held 64'));
  const beyond = await service.chat();
  expect(beyond.status).toBe(status);
  expect((await hostLines(service, 'holds-calls')).at(-1)).toContain(
    `onRequest failed (OVERLOADED, ${failure})`,
  );
  leaving.abort();
  expect(await left).toBe('gone');
  expect(new Set((await Promise.all(held)).map((response) => response.status))).toEqual(new Set([418]));
});

test.each([
  ['open', 200],
  ['closed', 503],
])('an onResponse hook that throws: %s answers %i', async (failure, status) => {
  await using service = await startService();
  await addVariant(service, 'fails-on-response', { hooks: { onResponse: { failure } } });
  const response = await service.chat();
  expect(response.status).toBe(status);
  const body = await response.json();
  if (failure === 'open') expect(body.choices[0].message.content).toBe('hello');
  else expect(body.error.code).toBe('PLUGIN_UNAVAILABLE');
  expect(await hostLines(service, 'fails-on-response')).toContainEqual(
    `onResponse failed (THROW, ${failure}): broken on purpose`,
  );
});
