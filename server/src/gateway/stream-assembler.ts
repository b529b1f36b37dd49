import { bodyMaxBytes } from '@omniroute/shared/pipeline';
import { z } from 'zod';
import { jsonOrUndefined } from './json-or-undefined.ts';

const maxEventBytes = 1024 * 1024;

const chunkSchema = z.object({
  id: z.string().optional(),
  created: z.number().optional(),
  model: z.string().optional(),
  choices: z
    .array(
      z.object({
        index: z.number().default(0),
        delta: z.object({ role: z.string().nullish(), content: z.string().nullish() }).nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .optional(),
  usage: z.record(z.string(), z.unknown()).nullish(),
});
type Chunk = z.infer<typeof chunkSchema>;

interface Choice {
  role: string;
  content: string;
  finishReason: string | null;
}

/**
 * Reads a copy of a server-sent event stream and assembles the chat completion that it carries. It never holds the
 * stream up; an event that it cannot read counts as a chunk and adds nothing.
 */
export class StreamAssembler {
  readonly #decoder = new TextDecoder();
  #rest = '';
  #isSkipping = false;
  #chunks = 0;
  #about: Pick<Chunk, 'id' | 'created' | 'model'> = {};
  #usage: Record<string, unknown> | null = null;
  #contentLength = 0;
  readonly #choices = new Map<number, Choice>();

  push(bytes: Uint8Array): void {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    const events = text.split(/\r\n\r\n|\n\n|\r\r/);
    this.#rest = events.pop() ?? '';
    for (const event of events) this.#onEvent(event);
    if (this.#rest.length <= maxEventBytes) return;
    this.#rest = '';
    this.#isSkipping = true;
  }

  /** Reads what came after the last blank line. */
  end(): void {
    if (this.#rest !== '') this.#onEvent(this.#rest);
    this.#rest = '';
  }

  /** Server-sent events with data, `[DONE]` not counted. */
  get chunks(): number {
    return this.#chunks;
  }

  get usage(): Record<string, unknown> | null {
    return this.#usage;
  }

  get finishReason(): string | null {
    return this.#choices.get(0)?.finishReason ?? null;
  }

  /** The whole answer as a `chat.completion`, or null where the stream carried no choices. */
  message(): object | null {
    if (this.#choices.size === 0) return null;
    const choices = [...this.#choices].map(([index, { role, content, finishReason }]) => ({
      index,
      message: { role, content },
      finish_reason: finishReason,
    }));
    return {
      ...this.#about,
      object: 'chat.completion',
      choices,
      ...(this.#usage ? { usage: this.#usage } : {}),
    };
  }

  #onEvent(event: string): void {
    if (this.#isSkipping) {
      this.#isSkipping = false;
      this.#chunks += 1;
      return;
    }
    const lines = event.split(/\r\n|\n|\r/).filter((line) => line.startsWith('data:'));
    const data = lines.map((line) => line.slice(line.startsWith('data: ') ? 6 : 5)).join('\n');
    if (lines.length === 0 || data === '[DONE]') return;
    this.#chunks += 1;
    const parsed = chunkSchema.safeParse(jsonOrUndefined(data));
    if (parsed.success) this.#add(parsed.data);
  }

  #add({ id, created, model, choices = [], usage }: Chunk): void {
    const about = { id, created, model };
    this.#about = {
      ...this.#about,
      ...Object.fromEntries(Object.entries(about).filter(([, value]) => value !== undefined)),
    };
    if (usage) this.#usage = usage;
    for (const { index, delta, finish_reason: finishReason } of choices) {
      const choice = this.#choices.get(index) ?? { role: 'assistant', content: '', finishReason: null };
      const content = delta?.content ?? '';
      this.#contentLength += content.length;
      this.#choices.set(index, {
        role: delta?.role ?? choice.role,
        content: this.#contentLength > bodyMaxBytes ? choice.content : choice.content + content,
        finishReason: finishReason ?? choice.finishReason,
      });
    }
  }
}
