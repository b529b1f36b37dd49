import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { act, install, runRequest } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

/** Activates a plugin that runs `body` in onRequest, and calls it once. */
async function runOnce(service: Service, body: string): Promise<void> {
  await using folder = await temporaryFolder();
  const source = `import { setTimeout as later } from 'node:timers/promises';
    export async function onRequest() { ${body} }`;
  await writePackage(
    folder.path,
    { name: 'talks', hooks: { onRequest: { timeoutMs: 10_000 } } },
    { 'index.js': source },
  );
  await install(service, folder.path);
  await act(service, 'talks', 'activate');
  await runRequest(service);
}

/** The lines of the log when it holds one that ends with `last`. */
function linesUntil(service: Service, last: string) {
  return service.until(async () => {
    const lines = await service.logs('talks');
    return lines.some(({ text }) => text.endsWith(last)) && lines;
  });
}

test('each line of stdout and stderr is kept with its stream and its time', async () => {
  await using service = await startService({ now: () => new Date('2026-03-04T05:06:07.089Z') });
  await runOnce(
    service,
    `console.log('one\\ntwo'); console.error('three'); process.stdout.write('no newline yet');`,
  );
  await act(service, 'talks', 'deactivate');
  const lines = await service.logs('talks');
  const time = '2026-03-04T05:06:07.089Z';
  expect(lines.filter(({ stream }) => stream === 'stdout')).toEqual([
    { time, stream: 'stdout', text: 'one' },
    { time, stream: 'stdout', text: 'two' },
    { time, stream: 'stdout', text: 'no newline yet' },
  ]);
  expect(lines.filter(({ stream }) => stream === 'stderr')).toEqual([
    { time, stream: 'stderr', text: 'three' },
  ]);
});

describe('what a terminal would obey', () => {
  let service: Service;

  beforeAll(async () => {
    service = await startService();
    await service.add('logs-the-message');
  });

  afterAll(() => service[Symbol.asyncDispose]());

  test.each([
    ['a terminal sequence', '\x1b]0;pwned\x07\x1b[2J', '\\x1b]0;pwned\\x07\\x1b[2J'],
    ['a carriage return', 'safe\roverwritten', 'safe\\x0doverwritten'],
    ['a NUL', 'a\0b', 'a\\x00b'],
    ['a bidi override', 'a\u202eb', 'a\\u{202e}b'],
    ['a line separator', 'a\u2028b', 'a\\u{2028}b'],
    ['a backspace', 'a\bb', 'a\\x08b'],
  ])('%s is shown, not obeyed', async (_what, written, shown) => {
    await service.chat({ content: written });
    await service.until(async () =>
      (await service.logs('logs-the-message')).some(({ text }) => text === shown),
    );
  });
});

test('text that people write stays as it is', async () => {
  await using service = await startService();
  const text = 'Grüße, 世界 👋🏽\t<b>not HTML</b>';
  await runOnce(service, `console.log(${JSON.stringify(text)});`);
  expect((await linesUntil(service, text)).at(-1)).toMatchObject({ text });
});

test('characters stay whole, wherever the pipe cuts them', async () => {
  await using service = await startService();
  const body = `process.stdout.write(('世'.repeat(2_000) + '\\n').repeat(40));
    console.log('done');`;
  await runOnce(service, body);
  const lines = await linesUntil(service, 'done');
  expect(lines.filter(({ text }) => text.includes('\uFFFD'))).toEqual([]);
  expect(lines).toHaveLength(41);
});

test('a plugin cannot write a line in the name of the service or of another stream', async () => {
  await using service = await startService();
  await runOnce(
    service,
    `console.log('x\\n2026-01-01T00:00:00.000Z host forged\\n2026-01-01T00:00:00.000Z stderr forged\\r\\nend');`,
  );
  const lines = await linesUntil(service, 'end');
  expect(lines.map(({ stream }) => stream)).toEqual(['stdout', 'stdout', 'stdout', 'stdout']);
  expect(lines.every(({ time }) => !time.startsWith('2026-01-01T00:00:00'))).toBe(true);
});

test('a flood is cut, and the log says how much was dropped', async () => {
  await using service = await startService();
  const before = process.memoryUsage().rss;
  const body = `const line = 'x'.repeat(1023) + '\\n';
    for (let n = 0; n < 20_000; n += 1) process.stdout.write(line);
    await new Promise((resolve) => process.stdout.write('', resolve));
    await later(1_100);
    console.log('end of the flood');`;
  await runOnce(service, body);
  await linesUntil(service, 'end of the flood');
  const { size } = await stat(join(service.dataDir, 'logs/talks.log'));
  expect(size).toBeLessThan(3 * 1024 * 1024);
  const lines = (
    await service.call<{ lines: { stream: string; text: string }[] }>(
      'GET',
      '/api/plugins/talks/logs?tail=5000',
    )
  ).body.lines;
  expect(
    lines.some(
      ({ stream, text }) => stream === 'host' && /^LOG_RATE: \d+ bytes of stdout were dropped/.test(text),
    ),
  ).toBe(true);
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
});

test('a line without end is cut', async () => {
  await using service = await startService();
  await runOnce(service, `process.stdout.write('x'.repeat(100_000)); console.log(); console.log('end');`);
  const lines = await linesUntil(service, 'end');
  expect(Math.max(...lines.map(({ text }) => text.length))).toBeLessThan(9_000);
});

test('the log is kept over a restart of the plugin and of the service', async () => {
  await using folder = await temporaryFolder();
  {
    await using service = await startService({ dataDir: folder.path });
    await runOnce(service, `console.log('before');`);
    await linesUntil(service, 'before');
  }
  await using service = await startService({ dataDir: folder.path });
  await runRequest(service);
  await service.until(
    async () => (await service.logs('talks')).filter(({ text }) => text === 'before').length === 2,
  );
});
