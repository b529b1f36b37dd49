import type { Service } from './service.ts';

/** What the fixture `records-calls` saw, as JSON carries it. */
export interface RecordedCall {
  hook: string;
  ctx: Record<string, any>;
  response: Record<string, any>;
  error: Record<string, any>;
  summary: Record<string, any>;
}

/** Every call of the fixture `records-calls`, oldest first. Deactivates it, so that no call is still to come. */
export async function recordedCalls(service: Service, name = 'records-calls'): Promise<RecordedCall[]> {
  await service.call('POST', `/api/plugins/${name}/deactivate`);
  const lines = await service.logs(name);
  return lines.filter(({ stream }) => stream === 'stdout').map(({ text }) => JSON.parse(text));
}

/** The service's own lines in a plugin's log. */
export async function hostLines(service: Service, name: string): Promise<string[]> {
  const lines = await service.logs(name);
  return lines.filter(({ stream }) => stream === 'host').map(({ text }) => text);
}
