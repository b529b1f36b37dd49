import { once } from 'node:events';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { openSocket } from './open-socket.ts';
import { startTestService, type TestService, token } from './test-service.ts';

const stream = `/trpc/events.stream?input=${encodeURIComponent(JSON.stringify({ topics: ['plugins'] }))}`;
const logs = stream.replace('plugins', 'logs');
const hugeId = '9'.repeat(5_000);

interface OpenStream {
  status: number | undefined;
  text(): string;
  /** Resolves once the text matches. */
  reads(pattern: RegExp): Promise<void>;
  closed: Promise<void>;
  request: ClientRequest;
  response: IncomingMessage;
}

async function openStream(
  service: TestService,
  headers: Record<string, string>,
  path = stream,
): Promise<OpenStream> {
  const request = get({
    host: '127.0.0.1',
    port: service.port,
    path,
    agent: false,
    headers: { host: `localhost:${service.port}`, ...headers },
  });
  request.on('error', () => {});
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  response.on('error', () => {});
  const closed = closing(response);
  const reads = async (pattern: RegExp) => {
    while (!pattern.test(text)) await once(response, 'data');
  };
  return { status: response.statusCode, text: () => text, reads, closed, request, response };
}

/** `once` would reject, since a stream that is cut ends with an error. */
function closing(response: IncomingMessage): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once('close', resolve);
  return promise;
}

const bearer = { authorization: `Bearer ${token}` };

async function session(service: TestService): Promise<Record<string, string>> {
  const { sessionId } = await service.auth.login({ token });
  return { cookie: `auth_token=${sessionId}` };
}

test('what happens arrives, with an id', async () => {
  await using service = await startTestService();
  const open = await openStream(service, bearer);
  await open.reads(/connected/);
  service.events.publish({ topic: 'plugins', name: 'demo\ndata: injected', change: 'updated' });
  service.events.publish({
    topic: 'logs',
    name: 'demo',
    line: { time: '2026-01-01T00:00:00Z', stream: 'stdout', text: 'x' },
  });
  service.events.publish({ topic: 'plugins', name: 'last', change: 'removed' });
  await open.reads(/last/);
  expect(open.text()).toContain(
    'data: {"topic":"plugins","name":"demo\\ndata: injected","change":"updated"}\nid: 1\n',
  );
  expect(open.text()).not.toContain('stdout');
  open.request.destroy();
});

test.each([
  'one\ntwo',
  'one\r\ntwo',
  'one\rtwo',
  'x\n\nevent: return\ndata: {}\n\n',
  '\nid: 999\n',
  '\nretry: 1\n',
  ': comment\n',
  'data: {"topic":"plugins"}\n\n',
  '\u2028 \u2029 \u0085 \u0000 \uFEFF',
  '\ud800',
])('S4: the log line %j is data, and nothing else', async (text) => {
  await using service = await startTestService();
  const open = await openStream(service, bearer, logs);
  await open.reads(/connected.*\n\n/s);
  const line = { time: '2026-01-01T00:00:00Z', stream: 'stderr', text } as const;
  service.events.publish({ topic: 'logs', name: 'demo', line });
  await open.reads(/\nid: 1\n\n/);
  const event = (open.text().split('\n\n')[1] ?? '').replace(/^\n/, '');
  const fields = event.split(/\r\n|\r|\n/).map((field) => field.split(':', 1)[0]);
  expect(fields).toEqual(['data', 'id']);
  const data: unknown = JSON.parse(event.slice('data: '.length, event.lastIndexOf('\nid: 1')));
  expect(data).toEqual({ topic: 'logs', name: 'demo', line });
  open.request.destroy();
});

test.each<[string, Record<string, string>]>([
  ['S1: a foreign Origin', { origin: 'https://evil.example' }],
  ['S1: another local port', { origin: 'http://localhost:3000' }],
  ['S1: Origin null', { origin: 'null' }],
  ['S1: a no-cors fetch', { 'sec-fetch-mode': 'no-cors' }],
  ['S2: a rebound Host', { host: 'evil.example' }],
  ['S2: a tunnel', { 'cf-ray': 'x' }],
])('%s is 403, and no event is written', async (_name, headers) => {
  await using service = await startTestService();
  const cookie = await session(service);
  const open = await openStream(service, { ...cookie, ...headers });
  await open.closed;
  expect(open.status).toBe(403);
  expect(open.text()).not.toContain('event:');
  expect(open.response.headers['access-control-allow-origin']).toBeUndefined();
});

test.each(['-1', 'nope', '1e999', '0', '%00', '{"a":1}', hugeId])(
  'S6: a Last-Event-ID such as %.10s is of no matter',
  async (id) => {
    await using service = await startTestService();
    const open = await openStream(service, { ...bearer, 'last-event-id': id });
    await open.reads(/connected/);
    open.request.destroy();
  },
);

test('without credentials there is none', async () => {
  await using service = await startTestService();
  expect((await service.send({ path: stream })).status).toBe(401);
});

test('S5: it closes at logout, and others stay', async () => {
  await using service = await startTestService();
  const cookie = await session(service);
  const open = await openStream(service, cookie);
  const other = await openStream(service, await session(service));
  await open.reads(/connected/);
  await other.reads(/connected/);
  await service.send({
    method: 'POST',
    path: '/api/auth/logout',
    headers: [['Cookie', cookie['cookie'] ?? '']],
  });
  await open.closed;
  service.events.publish({ topic: 'plugins', name: 'later', change: 'updated' });
  await other.reads(/later/);
  expect(open.text()).not.toContain('later');
  other.request.destroy();
});

test('S5: it closes within 5 s of the end of its session', async () => {
  await using service = await startTestService();
  const open = await openStream(service, await session(service));
  await open.reads(/connected/);
  service.clock.now = new Date(service.clock.now.getTime() + 31 * 24 * 3_600_000);
  const started = performance.now();
  await open.closed;
  expect(performance.now() - started).toBeLessThan(5_000);
});

test('S3: a session may have 16, all together 64, and closed ones do not count', async () => {
  await using service = await startTestService();
  const streams: OpenStream[] = [];
  for (let sessions = 0; sessions < 4; sessions += 1) {
    const cookie = await session(service);
    for (let count = 0; count < 16; count += 1) streams.push(await openStream(service, cookie));
    await Promise.all(streams.map((open) => open.reads(/connected/)));
    const refused = await openStream(service, cookie);
    await refused.reads(/RATE_LIMITED/);
    await refused.closed;
  }
  const inAll = await openStream(service, await session(service));
  await inAll.reads(/RATE_LIMITED/);
  for (const open of streams) open.request.destroy();
});

test('S3: of 300 that connect at once 16 get one, and everything else goes on', async () => {
  await using service = await startTestService();
  const bytes = `GET ${stream} HTTP/1.1\r\nHost: localhost:${service.port}\r\nAuthorization: Bearer ${token}\r\n\r\n`;
  const all = await Promise.all(Array.from({ length: 300 }, () => openSocket(service.port, bytes)));
  await Promise.all(all.map((open) => open.reads(/connected|RATE_LIMITED/)));
  service.events.publish({ topic: 'plugins', name: 'demo', change: 'updated' });
  await expect.poll(() => all.filter((open) => open.text().includes('demo')).length).toBe(16);
  await expect.poll(() => all.filter((open) => open.text().includes('RATE_LIMITED')).length).toBe(284);
  expect((await service.manage({ path: '/api/plugins' })).status).toBe(200);
  for (const open of all) open.socket.destroy();
});

test('S3: a client that does not read is cut off', async () => {
  await using service = await startTestService();
  const open = await openStream(service, bearer);
  await open.reads(/connected/);
  open.response.pause();
  const name = 'x'.repeat(100_000);
  for (let count = 0; count < 1_500; count += 1)
    service.events.publish({ topic: 'plugins', name, change: 'updated' });
  open.response.resume();
  await open.closed;
  expect(open.text().length).toBeLessThan(1_500 * name.length);
});

test('it closes when the service does', async () => {
  const service = await startTestService();
  const open = await openStream(service, bearer);
  await open.reads(/connected/);
  await service[Symbol.asyncDispose]();
  await open.closed;
  expect(open.text()).not.toContain('event: return');
});
