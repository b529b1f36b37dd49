import { z } from 'zod';
import { jsonOrUndefined } from './json-or-undefined.ts';

const completionSchema = z.looseObject({
  choices: z.array(z.looseObject({ message: z.unknown(), finish_reason: z.unknown().optional() })).min(1),
});

/** A chat completion as a stream of one chunk, or null where `body` is none. */
export function completionAsStream(body: Buffer): Buffer | null {
  const parsed = completionSchema.safeParse(jsonOrUndefined(body.toString('utf8')));
  if (!parsed.success) return null;
  const choices = parsed.data.choices.map(({ message, ...rest }, index) => ({
    index,
    ...rest,
    delta: message,
  }));
  const chunk = { ...parsed.data, object: 'chat.completion.chunk', choices };
  return Buffer.from(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`, 'utf8');
}
