import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestService, type TestService } from './test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service[Symbol.asyncDispose]());

test.each(['/', '/login', '/plugins/demo', '/anything.at.all'])(
  '%s is the page, with a nonce of its own',
  async (path) => {
    const nonces = new Set<string | undefined>();
    for (let count = 0; count < 2; count += 1) {
      const { status, text, headers } = await service.send({ path });
      const nonce = /content="([^"]+)"/.exec(text)?.[1];
      nonces.add(nonce);
      expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
        200,
        'text/html; charset=utf-8',
        'no-store',
      ]);
      expect(headers.get('content-security-policy')).toBe(
        `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; font-src 'self'; ` +
          `connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
      );
    }
    expect(nonces.size).toBe(2);
  },
);

test('assets are kept for ever, by type', async () => {
  const { text, headers } = await service.send({ path: '/assets/app.js' });
  expect([text, headers.get('cache-control')]).toEqual(['export {};', 'public, max-age=31536000, immutable']);
  expect(headers.get('content-type')).toMatch(/javascript/);
  expect(headers.get('x-content-type-options')).toBe('nosniff');
});

test('other files of the build are themselves', async () => {
  expect((await service.send({ path: '/favicon.svg' })).headers.get('content-type')).toBe('image/svg+xml');
});

test.each(['/assets/nope.js', '/assets/', '/assets/..%5comniroute.sqlite'])(
  '%s is not there',
  async (path) => {
    expect([400, 404]).toContain((await service.send({ path })).status);
  },
);

test.each(['POST', 'PUT', 'DELETE'])('%s of a page is 404', async (method) => {
  expect((await service.send({ method, path: '/login' })).code).toBe('NOT_FOUND');
});

test('HEAD of a page has no body', async () => {
  const { status, text } = await service.send({ method: 'HEAD', path: '/' });
  expect([status, text]).toEqual([200, '']);
});
