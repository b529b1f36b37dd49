import type { Service } from './service.ts';

/** What the fixture `records-calls` saw, as JSON carries it. */
interface RecordedCall {
  hook: string;
  ctx: {
    model: string | null;
    provider: string;
    stream: boolean;
    body?: unknown;
    apiKeyInfo: { id: string } | null;
  };
  response: { data?: unknown };
  error: { code: string };
  summary: object;
}

/**
 * Every call of the fixture `records-calls`, oldest first. Waits for `count` of them, since the hooks at the end of a
 * stream run after it, and deactivates the plugin: no call is still to come.
 */
export async function recordedCalls(service: Service, count = 0): Promise<RecordedCall[]> {
  const read = async () => {
    const lines = await service.logs('records-calls');
    return lines.filter(({ stream }) => stream === 'stdout').map(({ text }) => JSON.parse(text));
  };
  await service.until(async () => (await read()).length >= count);
  await service.call('POST', '/api/plugins/records-calls/deactivate');
  return read();
}

/** The service's own lines in a plugin's log. */
export async function hostLines(service: Service, name: string): Promise<string[]> {
  const lines = await service.logs(name);
  return lines.filter(({ stream }) => stream === 'host').map(({ text }) => text);
}
