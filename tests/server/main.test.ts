import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { failToStart, runStartScript } from '../helpers/start-script.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const run = promisify(execFile);
const startScript = fileURLToPath(new URL('../../server/start.js', import.meta.url));
const loginLinkScript = fileURLToPath(new URL('../../server/src/login-link.ts', import.meta.url));

test('start-up prints the login link, the gateway, the data directory and the number of active plugins', async () => {
  await using data = await temporaryFolder();
  await using service = await runStartScript({ OMNIROUTE_DATA_DIR: data.path });
  expect(service.greeting).toContain(`${service.url}/v1`);
  expect(service.greeting).toContain(data.path);
  expect(service.greeting).toMatch(/Plugins +0 active/);
  const code = /#code=(\S+)/.exec(service.greeting)?.[1];
  expect(await login(service.url, code)).toBe(200);
  expect(await login(service.url, code)).toBe(401);
});

test('login-link prints a fresh link while the service runs', async () => {
  await using data = await temporaryFolder();
  const env = { PATH: process.env.PATH, OMNIROUTE_DATA_DIR: data.path };
  await using service = await runStartScript({ OMNIROUTE_DATA_DIR: data.path });
  const { stdout } = await run(process.execPath, [loginLinkScript], { env });
  expect(await login(service.url, /#code=(\S+)/.exec(stdout)?.[1])).toBe(200);
});

test.each(['SIGTERM', 'SIGINT'] as const)('%s ends the service in good order', async (signal) => {
  await using data = await temporaryFolder();
  await using service = await runStartScript({ OMNIROUTE_DATA_DIR: data.path });
  service.kill(signal);
  expect(await service.exited).toBe(0);
});

test('a second service on the same data directory is told who holds it', async () => {
  await using data = await temporaryFolder();
  await using first = await runStartScript({ OMNIROUTE_DATA_DIR: data.path });
  const { code, stderr } = await failToStart({ OMNIROUTE_DATA_DIR: data.path });
  expect(code).toBe(1);
  expect(stderr).toContain(`process ${first.pid}`);
  expect(stderr).toContain(first.url);
});

test('a port in use is one sentence that says what to do', async () => {
  await using data = await temporaryFolder();
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const { code, stderr } = await failToStart({
    OMNIROUTE_DATA_DIR: data.path,
    PORT: String(port),
    LOG_LEVEL: 'silent',
  });
  other.close();
  expect(code).toBe(1);
  expect(stderr.trim()).toMatch(/^Port \d+ is in use by another program: .*PORT=\d+\.$/);
});

test.each([
  ['PORT', 'abc'],
  ['PORT', '70000'],
  ['OMNIROUTE_HOST', 'example.com'],
  ['OMNIROUTE_HOST', '0.0.0.0'],
  ['OMNIROUTE_UPSTREAM_URL', 'ftp://example.com'],
  ['OMNIROUTE_UPSTREAM_URL', 'http://user:secret@example.com/v1'],
  ['OMNIROUTE_SAFE_MODE', 'maybe'],
  ['LOG_LEVEL', 'loud'],
])('%s=%s is refused by name, without a stack', async (name, value) => {
  await using data = await temporaryFolder();
  const { code, stderr } = await failToStart({ OMNIROUTE_DATA_DIR: data.path, [name]: value });
  expect(code).toBe(1);
  expect(stderr).toContain(name);
  expect(stderr).not.toContain('secret');
  expect(stderr).not.toMatch(/^\s+at /m);
});

test('an old Node gets one sentence that says what to do', async () => {
  const pretendOld =
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });";
  const script = `${pretendOld} await import(${JSON.stringify(pathToFileURL(startScript).href)});`;
  const outcome = await run(process.execPath, ['--input-type=module', '-e', script]).catch(
    (error: unknown) => error,
  );
  expect(outcome).toMatchObject({ code: 1, stdout: '' });
  expect(outcome).toHaveProperty(
    'stderr',
    expect.stringMatching(/^OmniRoute needs Node 26.*npx -y pnpm@12 start.*\n$/),
  );
});

async function login(url: string, code: string | undefined): Promise<number> {
  const response = await fetch(`${url}/api/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code }),
  });
  return response.status;
}
