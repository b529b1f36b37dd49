import type { Services } from '@omniroute/server/http/services';
import { describe, expect, test } from 'vitest';
import { startTestService } from './test-service.ts';

const json: [string, string] = ['Content-Type', 'application/json'];

/** Answers with what reached it. */
const mirror: Services['gateway'] = {
  handle: (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      response.end(
        JSON.stringify({ url: request.url, headers: request.headers, raw: request.rawHeaders, body }),
      );
    });
  },
};

describe('the gateway', () => {
  test('gets the request as it came, the body unread', async () => {
    await using service = await startTestService({ gateway: mirror });
    const body = ' { "model" : "x" } ';
    const headers: [string, string][] = [json, ['Authorization', 'Bearer sk-app']];
    const answer = await service.send({ method: 'POST', path: '/v1/chat/completions?x=1', headers, body });
    expect(answer.json()).toMatchObject({
      url: '/v1/chat/completions?x=1',
      headers: { authorization: 'Bearer sk-app' },
      body,
    });
  });

  test('is for this machine only, and not for other sites', async () => {
    await using service = await startTestService();
    const post = { method: 'POST', path: '/v1/chat/completions', body: '{}' };
    const refusals = [
      await service.send({ path: '/v1/models', host: 'evil.example' }),
      await service.send({ path: '/v1/models', headers: [['Origin', 'https://evil.example']] }),
      await service.send({ path: '/v1/models', headers: [['Origin', 'null']] }),
      await service.send({ path: '/v1/models', headers: [['Sec-Fetch-Site', 'cross-site']] }),
      await service.send({ ...post, headers: [json, ['Sec-Fetch-Site', 'same-site']] }),
      await service.send({ ...post, headers: [['Content-Type', 'text/plain']] }),
      await service.send({ ...post, headers: [] }),
      await service.send({ path: '//v1/models' }),
    ];
    expect(refusals.map(({ status, code }) => `${status} ${code}`)).toEqual([
      '403 LOCAL_ONLY',
      '403 FORBIDDEN',
      '403 FORBIDDEN',
      '403 FORBIDDEN',
      '403 FORBIDDEN',
      '415 UNSUPPORTED_MEDIA_TYPE',
      '415 UNSUPPORTED_MEDIA_TYPE',
      '400 INVALID_REQUEST',
    ]);
    expect(service.calls).toEqual([]);
    await service.send({ ...post, headers: [['Content-Type', 'multipart/form-data; boundary=x']] });
    await service.send({ path: '/v1' });
    expect(service.calls).toEqual(['gateway', 'gateway']);
  });

  test('demands its key on the network and keeps it to itself', async () => {
    const gatewayKey = 'key-of-the-gateway';
    await using service = await startTestService({ gateway: mirror, gatewayKey, host: '0.0.0.0' });
    const request = { path: '/v1/models', host: 'gateway.lan:1' };
    const wrong: [string, string] = ['Authorization', 'Bearer wrong'];
    expect((await service.send(request)).code).toBe('AUTH_REQUIRED');
    expect((await service.send({ ...request, headers: [wrong] })).code).toBe('AUTH_REQUIRED');
    const answer = await service.send({
      ...request,
      headers: [
        ['AUTHORIZATION', `Bearer ${gatewayKey}`],
        ['X-Other', '1'],
      ],
    });
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain(gatewayKey);
    expect(answer.json()).toMatchObject({ headers: { 'x-other': '1' } });
    expect((await service.manage({ path: '/api/plugins', host: 'gateway.lan:1' })).code).toBe('LOCAL_ONLY');
    expect((await service.manage({ path: '/api/plugins' })).status).toBe(200);
  });
});
