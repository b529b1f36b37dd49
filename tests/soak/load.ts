import { Agent, request } from 'undici';
import { z } from 'zod';

const completionSchema = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string() }) })),
});
const chunkSchema = z.object({
  choices: z.array(z.object({ delta: z.object({ content: z.string().optional() }) })),
});
const refusalSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

export interface Sent {
  content: string;
  stream: boolean;
  /** The client leaves as soon as the answer begins. */
  leaves?: boolean;
}

export type Received =
  | { kind: 'answer'; content: string; headers: Record<string, string | string[] | undefined> }
  | { kind: 'refusal'; status: number; code: string; message: string }
  /** The client left before it had the answer. */
  | { kind: 'left' }
  | { kind: 'broken'; what: string };

/** Sends chat requests to the gateway over connections of its own. */
export class Load implements AsyncDisposable {
  readonly #agent = new Agent({ connections: 64, headersTimeout: 60_000, bodyTimeout: 60_000 });
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async send({ content, stream, leaves = false }: Sent): Promise<Received> {
    const leaving = new AbortController();
    try {
      const { statusCode, headers, body } = await request(`${this.#url}/v1/chat/completions`, {
        method: 'POST',
        dispatcher: this.#agent,
        signal: leaving.signal,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'soak', stream, messages: [{ role: 'user', content }] }),
      });
      if (leaves) {
        body.on('error', () => {});
        leaving.abort();
        return { kind: 'left' };
      }
      const text = await body.text();
      if (headers['x-request-id'] === undefined) return { kind: 'broken', what: 'an answer without an id' };
      if (statusCode === 200)
        return { kind: 'answer', content: stream ? joined(text) : whole(text), headers };
      const { error } = refusalSchema.parse(JSON.parse(text));
      return { kind: 'refusal', status: statusCode, ...error };
    } catch (error) {
      return { kind: 'broken', what: String(error) };
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#agent.destroy();
  }
}

function whole(text: string): string {
  return completionSchema
    .parse(JSON.parse(text))
    .choices.map(({ message }) => message.content)
    .join('');
}

/** The message of a stream that has come to its end. */
function joined(text: string): string {
  const events = text.split('\n\n').filter((event) => event !== '');
  if (events.pop() !== 'data: [DONE]') throw new Error(`a stream without an end: …${text.slice(-200)}`);
  return events
    .map((event) => chunkSchema.parse(JSON.parse(event.slice('data: '.length))))
    .flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? ''))
    .join('');
}
