import { bodyMaxBytes } from '@omniroute/shared/pipeline';
import { z } from 'zod';
import { EventReader } from './event-reader.ts';
import { jsonOrUndefined } from './json-or-undefined.ts';

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
  readonly #reader = new EventReader((data) => this.#onEvent(data));
  #chunks = 0;
  #about: Pick<Chunk, 'id' | 'created' | 'model'> = {};
  #usage: Record<string, unknown> | null = null;
  #contentLength = 0;
  readonly #choices = new Map<number, Choice>();

  push(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }

  /** Reads what came after the last blank line. */
  end(): void {
    this.#reader.end();
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

  #onEvent(data: string | null): void {
    if (data === '[DONE]') return;
    this.#chunks += 1;
    const parsed = chunkSchema.safeParse(data === null ? undefined : jsonOrUndefined(data));
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
