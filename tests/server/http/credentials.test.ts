import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestService, type TestService, token } from './test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service[Symbol.asyncDispose]());

type Header = readonly [string, string];
const list = '/api/plugins';

async function newSession(): Promise<string> {
  return (await service.auth.login({ token })).sessionId;
}

describe('D: credentials', () => {
  test('D1: the session cookie', async () => {
    const answer = await service.send({
      method: 'POST',
      path: '/api/auth/login',
      headers: [['Content-Type', 'application/json']],
      body: JSON.stringify({ token }),
    });
    expect(answer.json()).toEqual({ success: true });
    const cookie = answer.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^auth_token=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=2592000$/);
    const headers: Header[] = [['Cookie', cookie.split(';')[0] ?? '']];
    expect((await service.send({ path: list, headers })).status).toBe(200);
    expect((await service.send({ path: '/api/auth/session', headers })).json()).toEqual({
      authenticated: true,
    });
  });

  test.each([
    `/api/plugins?token=${token}`,
    `/api/plugins?api_key=${token}`,
    `/trpc/plugins.list?input=${encodeURIComponent(JSON.stringify({ token }))}`,
  ])('D2: the token in a query counts for nothing: %s', async (path) => {
    expect((await service.send({ path })).status).toBe(401);
    expect(service.log.join('')).not.toContain(token);
  });

  test.each<[string, Header[]]>([
    ['wrong', [['Authorization', 'Bearer wrong']]],
    ['empty', [['Authorization', 'Bearer ']]],
    ['nothing', [['Authorization', '']]],
    ['10 KB', [['Authorization', `Bearer ${'x'.repeat(10_240)}`]]],
    ['Unicode', [['Authorization', 'Bearer tøken…']]],
    ['Basic', [['Authorization', `Basic ${Buffer.from(`admin:${token}`).toString('base64')}`]]],
    ['no scheme', [['Authorization', token]]],
    [
      'two headers',
      [
        ['Authorization', `Bearer ${token}`],
        ['Authorization', `Bearer ${token}`],
      ],
    ],
    ['two in one', [['Authorization', `Bearer ${token}, Bearer ${token}`]]],
    ['D8 two cookies', [['Cookie', `auth_token=evil; auth_token=${token}`]]],
    [
      'D8 two cookie headers',
      [
        ['Cookie', `auth_token=${token}`],
        ['Cookie', `auth_token=${token}`],
      ],
    ],
    [
      'D9 a wrong cookie',
      [
        ['Authorization', `Bearer ${token}`],
        ['Cookie', 'auth_token=wrong'],
      ],
    ],
    [
      'D9 a wrong bearer',
      [
        ['Authorization', 'Bearer wrong'],
        ['Cookie', `auth_token=${token}`],
      ],
    ],
    ['an empty cookie', [['Cookie', 'auth_token=']]],
    ['another cookie', [['Cookie', `auth_token2=${token}`]]],
  ])('D3: %s is 401', async (_name, headers) => {
    for (const path of [list, '/trpc/plugins.list']) {
      const answer = await service.send({ path, headers });
      expect([path, answer.status]).toEqual([path, 401]);
    }
  });

  test.each<[string, Header[]]>([
    ['the token as a cookie', [['Cookie', `theme=dark; auth_token=${token}; x=y`]]],
    ['the token as a bearer', [['Authorization', `Bearer ${token}`]]],
    [
      'both',
      [
        ['Authorization', `Bearer ${token}`],
        ['Cookie', `auth_token=${token}`],
      ],
    ],
  ])('lets %s in', async (_name, headers) => {
    expect((await service.send({ path: list, headers })).status).toBe(200);
  });

  test('D6: without credentials every path under the API looks alike', async () => {
    const paths = [
      list,
      '/api/plugins/nope',
      '/api/nothing',
      '/api',
      '/api/',
      '/trpc',
      '/trpc/x/y',
      '/API/plugins',
    ];
    const answers = await Promise.all(paths.map((path) => service.send({ path })));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(401);
  });

  test('D7: a session is over after logout', async () => {
    const headers: Header[] = [['Cookie', `auth_token=${await newSession()}`]];
    expect((await service.send({ path: list, headers })).status).toBe(200);
    const answer = await service.send({ method: 'POST', path: '/api/auth/logout', headers });
    expect(answer.headers.get('set-cookie')).toMatch(/^auth_token=; .*Max-Age=0$/);
    expect((await service.send({ path: list, headers })).status).toBe(401);
  });

  test('the cookie of a session that is in use is prolonged with it', async () => {
    await using other = await startTestService();
    const { sessionId } = await other.auth.login({ token });
    const request = { path: list, headers: [['Cookie', `auth_token=${sessionId}`]] as const };
    expect((await other.send(request)).headers.get('set-cookie')).toBeNull();
    other.clock.now = new Date('2026-01-03T00:00:00Z');
    expect((await other.send(request)).headers.get('set-cookie')).toContain(`auth_token=${sessionId}; `);
  });

  test('D11: a failure inside shows neither stack nor path', async () => {
    await using broken = await startTestService({
      plugins: {
        list: async () => {
          throw new Error(`cannot open ${import.meta.filename}`);
        },
      },
    });
    for (const path of [list, '/trpc/plugins.list']) {
      const answer = await broken.manage({ path });
      expect(answer.status).toBe(500);
      expect(answer.text).toContain('"code":"INTERNAL"');
      expect(answer.text).not.toMatch(/cannot open|\.ts|at /);
    }
    expect(
      broken.log.filter((line) => line.includes('cannot open') && line.includes('"requestId"')),
    ).toHaveLength(2);
  });
});
