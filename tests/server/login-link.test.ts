import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readManagementToken } from '@omniroute/server/auth/management-token';
import { ServiceLock } from '@omniroute/server/database/service-lock';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestService } from './http/test-service.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'omniroute-login-'));
});
afterEach(() => rm(dataDir, { recursive: true }));

const run = promisify(execFile);
const program = fileURLToPath(import.meta.resolve('@omniroute/server/login-link'));

function loginLink(env: Record<string, string> = {}) {
  return run(process.execPath, [program], { env: { OMNIROUTE_DATA_DIR: dataDir, ...env } });
}

test('pnpm login-link prints a link that logs in, once', async () => {
  const managementToken = await readManagementToken(dataDir);
  await using service = await startTestService({ dataDir, managementToken });
  const lock = await ServiceLock.acquire(dataDir);
  await lock.announce({ pid: process.pid, port: service.port, startedAt: new Date().toISOString() });
  const { stdout } = await loginLink();
  expect(stdout).toMatch(new RegExp(`^http://localhost:${service.port}/login#code=[\\w-]{43}\\n$`));
  const login = {
    method: 'POST',
    path: '/api/auth/login',
    headers: [['Content-Type', 'application/json']],
    body: JSON.stringify({ code: new URL(stdout.trim()).hash.slice('#code='.length) }),
  } as const;
  expect((await service.send(login)).status).toBe(200);
  expect((await service.send(login)).status).toBe(401);
  await expect(loginLink({ OMNIROUTE_AUTH_TOKEN: 'another' })).rejects.toMatchObject({
    stderr: expect.stringMatching(/^The service uses another management token: .*\n$/),
  });
  await lock.release();
});

test('pnpm login-link without a service says so', async () => {
  await expect(loginLink()).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^No service is running on .*\n$/),
  });
  await writeFile(join(dataDir, 'service.json'), '{"pid":1,"port":1,"startedAt":""}');
  await readManagementToken(dataDir);
  await expect(loginLink()).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^No service is running on .*\n$/),
  });
});
