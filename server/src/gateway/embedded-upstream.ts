import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { jsonOrUndefined } from './json-or-undefined.ts';
import type { Upstream, UpstreamRequest, UpstreamResponse } from './upstream.ts';

const embeddedModel = 'omniroute/echo';

/** The messages are checked one by one, so that a long list of nonsense is one error. */
const chatRequestSchema = z.object({
  model: z.string().default(embeddedModel),
  messages: z.array(z.unknown()).min(1, 'must hold at least one message'),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
});
type ChatRequest = z.infer<typeof chatRequestSchema>;

const partSchema = z.object({ type: z.string(), text: z.string().optional() });
const messageSchema = z.object({
  role: z.string(),
  content: z.union([z.string(), z.array(partSchema).max(10_000)]).nullish(),
});
type Message = z.infer<typeof messageSchema>;

/** A stream has about this many chunks at the most, however long its answer is. */
const maxChunks = 1_000;

interface Answer {
  id: string;
  created: number;
  model: string;
  content: string;
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
}

/**
 * The model inside the service, for the first minute without an account anywhere: it echoes the text of the last
 * user message, whatever the model's name.
 */
export class EmbeddedUpstream implements Upstream {
  readonly provider = 'omniroute';
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  async send({ method, path, body }: UpstreamRequest): Promise<UpstreamResponse> {
    const [route] = path.split('?', 1);
    if (method === 'GET' && route === '/models')
      return json(200, { object: 'list', data: [model(embeddedModel)] });
    if (method === 'GET' && route === `/models/${embeddedModel}`) return json(200, model(embeddedModel));
    if (method === 'POST' && route === '/chat/completions') return this.#chat(body);
    return refusal(
      404,
      `The embedded model answers POST /v1/chat/completions and GET /v1/models, not ${method} /v1${route}. Set OMNIROUTE_UPSTREAM_URL to use a provider.`,
    );
  }

  async close(): Promise<void> {}

  #chat(body: Buffer | null): UpstreamResponse {
    const value = jsonOrUndefined(body?.toString('utf8') ?? '');
    if (value === undefined) return refusal(400, 'Not a chat request: the body is not JSON.');
    const parsed = chatRequestSchema.safeParse(value);
    if (!parsed.success) return notAChat(parsed.error);
    const messages: Message[] = [];
    for (const [index, message] of parsed.data.messages.entries()) {
      const checked = messageSchema.safeParse(message);
      if (!checked.success) return notAChat(checked.error, `messages.${index}`);
      messages.push(checked.data);
    }
    const answer = this.#answer(parsed.data, messages, body ?? Buffer.alloc(0));
    if (!parsed.data.stream) return complete(answer);
    return stream(answer, parsed.data.stream_options?.include_usage === true);
  }

  #answer({ model: name }: ChatRequest, messages: readonly Message[], body: Buffer): Answer {
    const content = text(messages.findLast((message) => message.role === 'user')?.content);
    const prompt = countTokens(messages.reduce((sum, message) => sum + text(message.content).length, 0));
    const completion = countTokens(content.length);
    return {
      id: `chatcmpl-${createHash('sha256').update(body).digest('hex').slice(0, 24)}`,
      created: Math.floor(this.#now().getTime() / 1_000),
      model: name,
      content,
      usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
    };
  }
}

function notAChat({ issues }: z.ZodError, inside?: string): UpstreamResponse {
  const [issue] = issues;
  const path = [...(inside === undefined ? [] : [inside]), ...(issue?.path ?? [])].join('.');
  return refusal(400, `Not a chat request: ${path || 'the body'}: ${issue?.message ?? 'not valid'}.`);
}

function complete({ id, created, model: name, content, usage }: Answer): UpstreamResponse {
  const choice = { index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' };
  return json(200, { id, object: 'chat.completion', created, model: name, choices: [choice], usage });
}

/** One chunk per word; the last one carries the usage, or a chunk of its own does where the client asked for it. */
function stream(answer: Answer, hasUsageChunk: boolean): UpstreamResponse {
  return {
    status: 200,
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' },
    body: Readable.from(events(answer, hasUsageChunk), { objectMode: false }),
  };
}

function* events(
  { id, created, model: name, content, usage }: Answer,
  hasUsageChunk: boolean,
): Generator<Buffer> {
  const chunk = (choices: object[], more: object = {}) => {
    const data = { id, object: 'chat.completion.chunk', created, model: name, choices, ...more };
    return Buffer.from(`data: ${JSON.stringify(data)}\n\n`, 'utf8');
  };
  const delta = (value: object, finish: string | null = null) => [
    { index: 0, delta: value, finish_reason: finish },
  ];
  yield chunk(delta({ role: 'assistant', content: '' }));
  for (const piece of pieces(content)) yield chunk(delta({ content: piece }));
  yield chunk(delta({}, 'stop'), hasUsageChunk ? {} : { usage });
  if (hasUsageChunk) yield chunk([], { usage });
  yield Buffer.from('data: [DONE]\n\n', 'utf8');
}

/** The words of a text with the blanks before them; several to a piece where the text is long. */
function* pieces(content: string): Generator<string> {
  const least = Math.ceil(content.length / maxChunks);
  const blank = /(?<!\s)\s/g;
  for (let start = 0; start < content.length; ) {
    blank.lastIndex = start + Math.max(least, 1);
    const end = blank.exec(content)?.index ?? content.length;
    yield content.slice(start, end);
    start = end;
  }
}

function refusal(status: number, message: string): UpstreamResponse {
  return json(status, {
    error: { message, type: 'invalid_request', code: status === 404 ? 'NOT_FOUND' : 'INVALID_REQUEST' },
  });
}

function json(status: number, value: unknown): UpstreamResponse {
  const bytes = Buffer.from(JSON.stringify(value), 'utf8');
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'content-length': String(bytes.length) },
    body: Readable.from([bytes], { objectMode: false }),
  };
}

function model(id: string): object {
  return { id, object: 'model', created: 0, owned_by: 'omniroute' };
}

function text(content: Message['content']): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => part.text ?? '').join('');
}

/** Four characters to a token, rounded up: a fixed rule, so that the usage can be told in advance. */
function countTokens(characters: number): number {
  return Math.ceil(characters / 4);
}
