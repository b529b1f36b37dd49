import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { jsonOrUndefined } from './json-or-undefined.ts';
import type { Upstream, UpstreamRequest, UpstreamResponse } from './upstream.ts';

const embeddedModel = 'omniroute/echo';

const partSchema = z.object({ type: z.string(), text: z.string().optional() });
const chatRequestSchema = z.object({
  model: z.string().default(embeddedModel),
  messages: z
    .array(z.object({ role: z.string(), content: z.union([z.string(), z.array(partSchema)]).nullish() }))
    .min(1, 'must hold at least one message'),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
});
type ChatRequest = z.infer<typeof chatRequestSchema>;

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
    const parsed = chatRequestSchema.safeParse(jsonOrUndefined(body?.toString('utf8') ?? ''));
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      return refusal(
        400,
        `Not a chat request: ${issue?.path.join('.') || 'the body'}: ${issue?.message ?? 'not valid'}.`,
      );
    }
    const answer = this.#answer(parsed.data, body ?? Buffer.alloc(0));
    return parsed.data.stream
      ? stream(answer, parsed.data.stream_options?.include_usage === true)
      : complete(answer);
  }

  #answer({ model: name, messages }: ChatRequest, body: Buffer): Answer {
    const content = text(messages.findLast((message) => message.role === 'user')?.content);
    const prompt = countTokens(messages.map((message) => text(message.content)).join(''));
    const completion = countTokens(content);
    return {
      id: `chatcmpl-${createHash('sha256').update(body).digest('hex').slice(0, 24)}`,
      created: Math.floor(this.#now().getTime() / 1_000),
      model: name,
      content,
      usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
    };
  }
}

function complete({ id, created, model: name, content, usage }: Answer): UpstreamResponse {
  const choice = { index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' };
  return json(200, { id, object: 'chat.completion', created, model: name, choices: [choice], usage });
}

/** One chunk per word; the last one carries the usage, or a chunk of its own does where the client asked for it. */
function stream(
  { id, created, model: name, content, usage }: Answer,
  hasUsageChunk: boolean,
): UpstreamResponse {
  const chunk = (choices: object[], more: object = {}) => {
    const data = { id, object: 'chat.completion.chunk', created, model: name, choices, ...more };
    return `data: ${JSON.stringify(data)}\n\n`;
  };
  const delta = (value: object, finish: string | null = null) => [
    { index: 0, delta: value, finish_reason: finish },
  ];
  const words = content.match(/\s*\S+\s*$|\s*\S+|\s+/g) ?? [];
  const events = [
    chunk(delta({ role: 'assistant', content: '' })),
    ...words.map((word) => chunk(delta({ content: word }))),
    chunk(delta({}, 'stop'), hasUsageChunk ? {} : { usage }),
    ...(hasUsageChunk ? [chunk([], { usage })] : []),
    'data: [DONE]\n\n',
  ];
  return {
    status: 200,
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' },
    body: Readable.from(
      events.map((event) => Buffer.from(event, 'utf8')),
      { objectMode: false },
    ),
  };
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

function text(content: ChatRequest['messages'][number]['content']): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => part.text ?? '').join('');
}

/** Four characters to a token, rounded up: a fixed rule, so that the usage can be told in advance. */
function countTokens(content: string): number {
  return Math.ceil(content.length / 4);
}
