import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { act, install } from '../../helpers/plugin-calls.ts';
import { addFetcher, fetchAll, fetchOne, startServiceBeside } from '../../helpers/plugin-fetches.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { hostLines } from '../../helpers/recorded-calls.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { bytes, startUpstream } from '../../helpers/upstream.ts';

const plugin = 'fetches-as-told';

describe('a private host', () => {
  test('is reached where the operator and the manifest name it, and only there', async () => {
    await using upstream = await startUpstream(bytes(200, 'private'));
    const host = `127.0.0.1:${upstream.port}`;
    await using allowing = await startServiceBeside(upstream);
    await using refusing = await startService();
    const outcome = async (service: Service, name: string, hosts: string[]) => {
      await addFetcher(service, hosts, name);
      const { text, code } = await fetchOne(service, { url: `http://${host}/` });
      await act(service, name, 'uninstall');
      return text ?? code;
    };
    expect(await outcome(allowing, 'names-it', [host])).toBe('private');
    expect(await outcome(allowing, 'names-none', [])).toBe('URL_BLOCKED');
    expect(await outcome(allowing, 'names-another', ['api.example.com'])).toBe('REQUEST_REFUSED');
    expect(await outcome(refusing, 'names-it', [host])).toBe('URL_BLOCKED');
    expect(upstream.requests).toHaveLength(1);
  });

  test('is refused in the same words, whatever it is', async () => {
    await using upstream = await startUpstream();
    await using service = await startService();
    await addFetcher(service, []);
    const outcomes = await fetchAll(
      service,
      [
        service.url,
        `${service.url}/api/plugins`,
        `http://127.0.0.1:${upstream.port}/`,
        'http://localhost/',
        'http://[::1]/',
        'http://0x7f.1/',
        'http://[::ffff:10.0.0.1]/',
        'http://192.168.0.1/',
        'http://169.254.169.254/latest/meta-data/',
        'https://registry.internal/',
        'ftp://example.com/',
        'data:text/plain,x',
        'file:///etc/passwd',
      ].map((url) => ({ url })),
    );
    const [first, ...others] = outcomes.map(({ name, message, code, reason }) => ({
      name,
      message,
      code,
      reason,
    }));
    expect(first).toEqual({
      name: 'TypeError',
      message: 'fetch failed',
      code: 'URL_BLOCKED',
      reason: expect.stringMatching(/does not resolve, or it is no public/),
    });
    expect(others).toEqual(Array(12).fill(first));
    expect(upstream.requests).toEqual([]);
    const lines = await hostLines(service, plugin);
    expect(lines).toContainEqual(
      expect.stringMatching(/^fetch of 192\.168\.0\.1 failed \(SPECIAL_RANGE\): /),
    );
  });
});

test('the service itself is out of reach, whoever lets a plugin reach its host', async () => {
  await using upstream = await startUpstream(bytes(200, 'another port'));
  const hosts = ['127.0.0.1', 'localhost', '[::1]', '0.0.0.0', '127.8.8.8'];
  await using service = await startService({ env: { OMNIROUTE_OUTBOUND_ALLOW_HOSTS: hosts.join(',') } });
  await addFetcher(service, hosts);
  const { port } = service.app;
  const outcomes = await fetchAll(
    service,
    [...hosts, '127.1', '[::ffff:127.0.0.1]', 'localhost.'].flatMap((host) =>
      ['api/plugins', 'api/health', 'v1/models'].map((path) => ({
        url: `http://${host}:${port}/${path}`,
        headers: { authorization: `Bearer ${service.token}` },
      })),
    ),
  );
  expect(outcomes).toHaveLength(24);
  for (const outcome of outcomes) expect(['URL_BLOCKED', 'REQUEST_REFUSED']).toContain(outcome.code);
  const { hosts: asked } = (await service.plugin(plugin)).process.fetches;
  expect(asked.find(({ host }) => host === `127.0.0.1:${port}`)?.lastFailure).toMatch(/^OWN_PORT/);
  expect(await fetchOne(service, { url: `http://127.0.0.1:${upstream.port}/` })).toMatchObject({
    text: 'another port',
  });
});

describe('hosts that were not agreed to', () => {
  test.each<[string, string[], string[], string]>([
    ['one more', ['api.example.com'], ['api.example.com', 'more.example.com'], 'more.example.com'],
    ['a wider one', ['api.example.com'], ['*.example.com'], '*.example.com'],
    ['another port', ['api.example.com:443'], ['api.example.com:8443'], 'api.example.com:8443'],
    ['no list, which is every one', ['api.example.com'], [], 'every public host'],
    ['one by name, which an exception of the operator may be for', [], ['10.0.0.1'], '10.0.0.1'],
  ])('are not had by an edit on disk: %s', async (_, agreed, edited, beyond) => {
    await using service = await startService();
    await addFetcher(service, agreed);
    const file = join(service.dataDir, 'plugins', plugin, 'plugin.json');
    const manifest = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(
      file,
      JSON.stringify({ ...manifest, requires: { permissions: ['network'], hosts: edited } }),
    );
    expect(await act(service, plugin, 'restart')).toMatchObject({
      status: 412,
      error: { code: 'CONSENT_REQUIRED', details: { permissions: ['network'], hosts: [beyond] } },
    });
    expect(await service.plugin(plugin)).toMatchObject({ status: 'error', process: { state: 'stopped' } });
  });

  test('take consent at an upgrade', async () => {
    await using service = await startService();
    await using folder = await temporaryFolder();
    const upgrade = (version: string, hosts: string[], permissions?: ['network']) =>
      writePackage(folder.path, {
        name: 'asks',
        version,
        requires: { permissions: ['network'], hosts },
      }).then(() => install(service, folder.path, permissions && { permissions }));
    expect((await upgrade('1.0.0', ['a.example.com', 'b.example.com'])).status).toBe(201);
    expect((await upgrade('1.1.0', ['a.example.com'])).status).toBe(201);
    expect(await upgrade('1.2.0', ['a.example.com', 'c.example.com'])).toMatchObject({
      status: 412,
      error: { details: { hosts: ['c.example.com'] } },
    });
    expect((await upgrade('1.2.0', ['a.example.com', 'c.example.com'], ['network'])).status).toBe(201);
  });
});

test('what a plugin fetched is counted and logged, without what is secret in it', async () => {
  await using upstream = await startUpstream(bytes(200, 'four'));
  await using service = await startServiceBeside(upstream, { now: () => new Date('2026-03-01T12:00:00Z') });
  const host = `127.0.0.1:${upstream.port}`;
  await addFetcher(service, [host]);
  const secret = { headers: { authorization: 'Bearer s3cret' }, method: 'POST', body: 's3cret body' };
  await fetchAll(service, [
    { url: `http://${host}/s3cret-path?key=s3cret`, ...secret },
    { url: 'https://elsewhere.example.com/s3cret-path?key=s3cret', ...secret },
  ]);
  upstream.answer = () => undefined;
  await fetchOne(service, { url: `http://${host}/?key=s3cret`, timeoutMs: 100 });
  await fetchOne(service, { url: `http://${host}/?key=s3cret`, abortMs: 50 });
  const lastAt = '2026-03-01T12:00:00.000Z';
  await service.until(async () => (await service.plugin(plugin)).process.fetches.requests === 4);
  expect((await service.plugin(plugin)).process.fetches).toEqual({
    requests: 4,
    failed: 3,
    bytesSent: 11,
    bytesReceived: 4,
    hosts: [
      { host, requests: 3, failed: 2, lastAt, lastFailure: expect.stringMatching(/^ABORTED: /) },
      {
        host: 'elsewhere.example.com',
        requests: 1,
        failed: 1,
        lastAt,
        lastFailure: expect.stringMatching(/^HOST_NOT_LISTED: /),
      },
    ],
  });
  // What a plugin gives up itself is no failure to tell of.
  expect(await hostLines(service, plugin)).toEqual([
    expect.stringMatching(/^fetch of elsewhere\.example\.com failed \(HOST_NOT_LISTED\): .*requires\.hosts/),
    expect.stringMatching(/^fetch of 127\.0\.0\.1:\d+ failed \(DEADLINE\): /),
  ]);
  const lines = service.log.filter((line) => line.includes('plugin.fetch'));
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { plugin, host: 'elsewhere.example.com', method: 'POST', code: 'REQUEST_REFUSED' },
    { plugin, host, method: 'POST', status: 200, requestBytes: 11, answerBytes: 4 },
    { plugin, host, reason: 'DEADLINE' },
    { plugin, host, reason: 'ABORTED' },
  ]);
  const log = await readFile(join(service.dataDir, 'logs', `${plugin}.log`), 'utf8');
  expect([...service.log, log].join('\n')).not.toContain('s3cret');
  await act(service, plugin, 'restart');
  expect((await service.plugin(plugin)).process.fetches.requests).toBe(4);
});

test('the hosts that are shown are the 50 that were asked last', async () => {
  await using service = await startService();
  await addFetcher(service, ['api.example.com']);
  const calls = Array.from({ length: 60 }, (_, index) => ({ url: `https://h${index}.example.com/` }));
  await fetchAll(service, calls);
  await fetchAll(service, calls.slice(59));
  const { requests, hosts } = (await service.plugin(plugin)).process.fetches;
  expect(requests).toBe(61);
  expect(hosts).toHaveLength(50);
  expect(hosts[0]).toMatchObject({ host: 'h59.example.com', requests: 2, failed: 2 });
  expect(hosts.at(-1)).toMatchObject({ host: 'h10.example.com' });
});
