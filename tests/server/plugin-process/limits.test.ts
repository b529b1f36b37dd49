import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PluginDetail } from '@omniroute/shared/plugin';
import { expect, test } from 'vitest';
import { act, install, runRequest } from '../../helpers/plugin-calls.ts';
import { writePackage } from '../../helpers/plugin-package.ts';
import { type Service, startService } from '../../helpers/service.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const mebibyte = 1024 * 1024;

/** Installs and activates a plugin whose onRequest runs `body`. */
async function addPlugin(service: Service, body: string, manifest: object = {}): Promise<PluginDetail> {
  await using folder = await temporaryFolder();
  const source = `import { setTimeout as later } from 'node:timers/promises';
    import * as fs from 'node:fs';
    export async function onRequest(ctx) { ${body} }`;
  const hooks = { onRequest: { timeoutMs: 10_000 } };
  await writePackage(folder.path, { name: 'limited', hooks, ...manifest }, { 'index.js': source });
  const installed = await install(service, folder.path);
  if (installed.error) throw new Error(installed.error.message);
  const activated = await act(service, 'limited', 'activate');
  if (activated.error) throw new Error(activated.error.message);
  return await service.plugin('limited');
}

function faultOf(service: Service, fault: string) {
  return service.until(async () => {
    const plugin = await service.plugin('limited');
    return plugin.process.faults.find((count) => count.fault === fault) && plugin;
  });
}

async function expectHealthy(service: Service): Promise<void> {
  const response = await service.chat({ content: 'still there?' });
  expect(response.status).toBe(200);
}

test('a heap that is full ends the process with MEMORY_LIMIT, and it is started again', async () => {
  await using service = await startService();
  const before = await addPlugin(service, 'const all = []; for (;;) all.push(new Array(1e6).fill(1));');
  await expectHealthy(service);
  const plugin = await service.until(async () => {
    const found = await service.plugin('limited');
    return found.process.state === 'running' && found.process.pid !== before.process.pid && found;
  });
  expect(plugin.process).toMatchObject({
    restarts: 1,
    lastExit: { fault: 'MEMORY_LIMIT', reason: expect.stringContaining('128 MiB') },
    faults: [{ fault: 'MEMORY_LIMIT', count: 1 }],
  });
  expect((await service.logs('limited')).map(({ text }) => text).join('\n')).toMatch(
    /MEMORY_LIMIT: it ran out/,
  );
});

test('a flood of output is LOG_RATE: the log, the memory of the service and its answers stay as they are', async () => {
  await using service = await startService();
  const body = `if (ctx.body.messages[0].content !== 'flood') return;
    const text = 'x'.repeat(1023) + '\\n';
    const flood = () => { while (process.stdout.write(text)); };
    process.stdout.on('drain', flood);
    flood();`;
  const { process: child } = await addPlugin(service, body);
  const rss = process.memoryUsage().rss;
  await runRequest(service, { messages: [{ content: 'flood' }] });
  const flooding = await service.until(async () => {
    const plugin = await service.plugin('limited');
    return plugin.process.faults.some(({ count }) => count >= 2) && plugin;
  });
  expect(flooding.process).toMatchObject({ pid: child.pid, faults: [{ fault: 'LOG_RATE' }] });
  const host = process.cpuUsage();
  const from = performance.now();
  await service.until(async () => performance.now() - from > 2_000);
  const { user, system } = process.cpuUsage(host);
  expect((user + system) / 1_000 / (performance.now() - from)).toBeLessThan(0.5);
  expect(process.memoryUsage().rss - rss).toBeLessThan(150 * mebibyte);
  for (const file of ['limited.log', 'limited.log.1']) {
    const size = (await stat(join(service.dataDir, 'logs', file)).catch(() => null))?.size ?? 0;
    expect(size).toBeLessThanOrEqual(2 * mebibyte);
  }
  await act(service, 'limited', 'deactivate');
  await expectHealthy(service);
});

test('a log that cannot be written loses lines, says so once it can, and disturbs nobody', async () => {
  let skippedMs = 0;
  await using service = await startService({ monotonicMs: () => performance.now() + skippedMs });
  // A folder in its place is as good as a disk that refuses every write.
  const file = join(service.dataDir, 'logs/limited.log');
  await mkdir(file);
  await addPlugin(service, `for (let n = 0; n < 200; n += 1) console.log('line', n);`);
  for (let call = 0; call < 5; call += 1) {
    await runRequest(service);
    await service.until(async () => service.log.some((line) => line.includes('plugin-log.write-failed')));
  }
  expect(service.log.filter((line) => line.includes('plugin-log.write-failed'))).toHaveLength(1);
  await rm(file, { recursive: true });
  skippedMs = 60_000;
  const lines = await service.until(async () => {
    await runRequest(service);
    const found = (await service.logs('limited')).map(({ text }) => text);
    return found.some((text) => text.includes('were lost')) && found;
  });
  expect(lines.join('\n')).toMatch(/\d+ lines of this log were lost/);
  await expectHealthy(service);
});

test('65 calls at once are CALLS_IN_FLIGHT, and end nothing', async () => {
  await using service = await startService();
  // As many as may be are held until they are all there, and those that are one too many have come.
  const hold = `const gate = (globalThis.gate ??= { held: 0, ...Promise.withResolvers() });
    gate.held += 1;
    if (gate.held === 64) later(1_000).then(gate.resolve);
    await gate.promise;`;
  const { process: child } = await addPlugin(service, hold);
  await Promise.all(Array.from({ length: 70 }, () => runRequest(service)));
  const { process: now } = await faultOf(service, 'CALLS_IN_FLIGHT');
  expect(now).toMatchObject({
    pid: child.pid,
    lastExit: null,
    faults: [{ fault: 'CALLS_IN_FLIGHT', count: 6 }],
  });
  await runRequest(service);
  expect((await service.plugin('limited')).process.faults[0]?.count).toBe(6);
});

test('more than 64 MiB in flight are BYTES_IN_FLIGHT, and end nothing', async () => {
  await using service = await startService();
  const { process: child } = await addPlugin(service, 'await later(1_000);');
  const content = 'x'.repeat(25 * mebibyte);
  const answers = await Promise.all([1, 2, 3].map(() => service.chat({ content })));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  const { process: now } = await faultOf(service, 'BYTES_IN_FLIGHT');
  expect(now).toMatchObject({
    pid: child.pid,
    lastExit: null,
    faults: [{ fault: 'BYTES_IN_FLIGHT', count: 1 }],
  });
});

test('an answer that comes byte by byte costs the service neither memory nor its time', async () => {
  await using service = await startService();
  const body = `const header = Buffer.alloc(13);
    header.writeUInt8(66, 0); header.writeUInt32BE(1_000, 1); header.writeUInt32BE(60 << 20, 9);
    fs.writeSync(3, header);
    for (let n = 0; n < 3_000_000; n += 1) try { fs.writeSync(3, 'x'); } catch { await later(1); }`;
  await addPlugin(service, body, { hooks: { onRequest: { timeoutMs: 3_000 } } });
  const rss = process.memoryUsage().rss;
  const host = process.cpuUsage();
  const from = performance.now();
  await runRequest(service);
  const { user, system } = process.cpuUsage(host);
  expect((user + system) / 1_000 / (performance.now() - from)).toBeLessThan(0.5);
  expect(process.memoryUsage().rss - rss).toBeLessThan(150 * mebibyte);
});

const writes = {
  requires: { permissions: ['file-write'] },
  hooks: { onRequest: { timeoutMs: 10_000 } },
};

async function writeEmptyFiles(dir: string, count: number): Promise<void> {
  const batch = 500;
  for (let first = 0; first < count; first += batch) {
    const names = Array.from({ length: batch }, (_, index) => String(first + index));
    await Promise.all(names.map((file) => writeFile(join(dir, file), '')));
  }
}

test.each([
  [
    'too many bytes',
    /holds at least \d+(\.\d)? MiB in [12] files and folders; the limit is 256 MiB and 20000/,
    0,
    `fs.mkdirSync(dir + '/deep', { recursive: true });
     const file = fs.openSync(dir + '/deep/large', 'w');
     for (let n = 0; n < 300; n += 1) fs.writeSync(file, Buffer.alloc(1 << 20, 1));`,
  ],
  [
    'too many files',
    /in 20001 files and folders/,
    18_500,
    `for (let n = 0; n < 2_000; n += 1) fs.writeFileSync(dir + '/more-' + n, '');`,
  ],
])(
  '%s in the data folder end in error, and activation is refused until they are gone',
  async (_what, reason, before, fill) => {
    await using service = await startService();
    const body = `const dir = process.env.PLUGIN_DATA_DIR; if (ctx.body.messages.length > 0) { ${fill} }`;
    await addPlugin(service, body, writes);
    const dir = join(service.dataDir, 'plugin-data/limited');
    await writeEmptyFiles(dir, before);
    await runRequest(service, { messages: [{ content: 'fill' }] });
    const failed = await service.until(async () => {
      const plugin = await service.plugin('limited');
      return plugin.status === 'error' && plugin;
    });
    expect(failed).toMatchObject({
      enabled: true,
      process: {
        pid: null,
        restarts: 0,
        lastExit: { fault: 'DATA_QUOTA' },
        faults: [{ fault: 'DATA_QUOTA' }],
      },
    });
    expect(failed.errorMessage).toContain(dir);
    expect(failed.errorMessage).toMatch(reason);
    const { status, error } = await act(service, 'limited', 'activate');
    expect({ status, code: error.code }).toEqual({ status: 422, code: 'ACTIVATION_FAILED' });
    expect(error.message).toMatch(reason);
    await expectHealthy(service);
    await rm(dir, { recursive: true });
    expect((await act(service, 'limited', 'activate')).status).toBe(200);
    expect(await service.plugin('limited')).toMatchObject({ status: 'active', errorMessage: null });
  },
  60_000,
);

test('a data folder within its limits disturbs nobody', async () => {
  await using service = await startService();
  const body = `const dir = process.env.PLUGIN_DATA_DIR;
    for (let n = 0; n < 200; n += 1) fs.writeFileSync(dir + '/' + n, 'x'.repeat(1000));`;
  const before = await addPlugin(service, body, writes);
  await runRequest(service);
  await service.until(async () => ((await service.plugin('limited')).process.uptimeMs ?? 0) > 4_500);
  const { process: now } = await service.plugin('limited');
  expect(now).toMatchObject({ pid: before.process.pid, faults: [], restarts: 0 });
});
