import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuthService } from '@omniroute/server/auth/auth-service';
import { readManagementToken } from '@omniroute/server/auth/management-token';
import { SessionRepository } from '@omniroute/server/auth/session-repository';
import { openDatabase } from '@omniroute/server/database/open-database';
import { systemRuntime } from '@omniroute/server/runtime';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrationsDir } from '../http/test-service.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
let dataDir: string;
let database: Awaited<ReturnType<typeof openDatabase>>;
let now: number;

beforeEach(async () => {
  now = Date.parse('2026-01-01T00:00:00Z');
  dataDir = await mkdtemp(join(tmpdir(), 'omniroute-auth-'));
  database = await openDatabase({ file: join(dataDir, 'omniroute.sqlite'), migrationsDir });
});

afterEach(async () => {
  await database.destroy();
  await rm(dataDir, { recursive: true });
});

async function startAuth(managementToken = 'the-token'): Promise<AuthService> {
  const runtime = { ...systemRuntime, now: () => new Date(now) };
  const sessions = new SessionRepository(database);
  const auth = new AuthService({ sessions, managementToken, runtime, port: () => 20_128 });
  await auth.start();
  return auth;
}

const cookie = (sessionId: string) => ({ bearer: null, cookie: sessionId, invalid: false });

describe('a session', () => {
  test('lasts 30 days from its last use', async () => {
    const auth = await startAuth();
    const { sessionId } = await auth.login({ token: 'the-token' });
    now += 29 * dayMs;
    expect(await auth.authenticate(cookie(sessionId))).toMatchObject({ prolonged: true });
    now += 29 * dayMs;
    expect(await auth.authenticate(cookie(sessionId))).not.toBeNull();
    now += 30 * dayMs;
    expect(await auth.authenticate(cookie(sessionId))).toBeNull();
  });

  test('survives a restart, and is stored as a hash only', async () => {
    const { sessionId } = await (await startAuth()).login({ token: 'the-token' });
    expect(await (await startAuth()).authenticate(cookie(sessionId))).not.toBeNull();
    expect(JSON.stringify(await database.selectFrom('sessions').selectAll().execute())).not.toContain(
      sessionId,
    );
  });

  test('D7: is dropped with the token that it was opened with', async () => {
    const { sessionId } = await (await startAuth()).login({ token: 'the-token' });
    const changed = await startAuth('another-token');
    expect(await changed.authenticate(cookie(sessionId))).toBeNull();
    expect(await (await startAuth()).authenticate(cookie(sessionId))).toBeNull();
  });
});

describe('a login code', () => {
  const codeOf = (url: string) => new URL(url).hash.slice('#code='.length);

  test('comes as a link to this service', async () => {
    const { url, expiresAt } = (await startAuth()).createLoginCode();
    expect(url).toMatch(/^http:\/\/localhost:20128\/login#code=[\w-]{43}$/);
    expect(expiresAt).toBe('2026-01-01T00:10:00.000Z');
  });

  test('works once', async () => {
    const auth = await startAuth();
    const code = codeOf(auth.createLoginCode().url);
    await auth.login({ code });
    await expect(auth.login({ code })).rejects.toMatchObject({ code: 'AUTH_REQUIRED' });
  });

  test('works once, also at the same time', async () => {
    const auth = await startAuth();
    const code = codeOf(auth.createLoginCode().url);
    const results = await Promise.allSettled([auth.login({ code }), auth.login({ code })]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  test('works for ten minutes', async () => {
    const auth = await startAuth();
    const code = codeOf(auth.createLoginCode().url);
    now += 10 * minuteMs;
    await expect(auth.login({ code })).rejects.toMatchObject({ code: 'AUTH_REQUIRED' });
  });

  test('does not outlive the process', async () => {
    const code = codeOf((await startAuth()).createLoginCode().url);
    await expect((await startAuth()).login({ code })).rejects.toMatchObject({ code: 'AUTH_REQUIRED' });
  });
});

test('D5: ten failed logins a minute, then none for the rest of it', async () => {
  const auth = await startAuth();
  for (let count = 0; count < 10; count += 1) {
    await expect(auth.login({ token: 'wrong' })).rejects.toMatchObject({ code: 'AUTH_REQUIRED' });
    now += 1_000;
  }
  await expect(auth.login({ token: 'the-token' })).rejects.toMatchObject({
    code: 'RATE_LIMITED',
    details: { retryAfterSeconds: 50 },
  });
  now += 50_000;
  await auth.login({ token: 'the-token' });
});

describe('the management token', () => {
  test('is made once, for this user only', async () => {
    const token = await readManagementToken(dataDir);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(await readManagementToken(dataDir)).toBe(token);
    expect((await stat(join(dataDir, 'auth-token'))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(dataDir, 'auth-token'), 'utf8')).toBe(`${token}\n`);
  });

  test('is made anew where its file is empty', async () => {
    await writeFile(join(dataDir, 'auth-token'), '\n');
    expect(await readManagementToken(dataDir)).toMatch(/^[\w-]{43}$/);
  });
});
