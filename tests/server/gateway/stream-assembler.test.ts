import { StreamAssembler } from '@omniroute/server/gateway/stream-assembler';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chunk, done, event } from '../../helpers/upstream.ts';

const events = [
  ': comment\n\n',
  chunk({ role: 'assistant', content: 'caf\u00e9 ' }),
  chunk({ content: '\u{1F600}\r\n"' }),
  'event: other\nid: 7\ndata: {"choices":\ndata: [{"delta":{"content":"!"}}]}\n\n',
  'data: not JSON\n\n',
  event({ choices: [{ index: 1, delta: { content: 'second' }, finish_reason: 'stop' }] }),
  chunk({}, 'length'),
  event({ choices: [], usage: { total_tokens: 5 } }),
  done,
];

test.each(['\n', '\r\n', '\r'])('assembles the same answer wherever a stream with %j is cut', (lineEnd) => {
  const bytes = Buffer.from(events.join('').replaceAll('\n', lineEnd));
  const cuts = fc.uniqueArray(fc.nat(bytes.length), { maxLength: 40 });
  fc.assert(
    fc.property(cuts, (unsorted) => {
      const sorted = [0, ...unsorted.toSorted((a, b) => a - b), bytes.length];
      const assembler = new StreamAssembler();
      for (const [index, at] of sorted.slice(0, -1).entries()) {
        assembler.push(bytes.subarray(at, sorted[index + 1]));
      }
      assembler.end();
      expect(assembler.chunks).toBe(7);
      expect(assembler.finishReason).toBe('length');
      expect(assembler.usage).toEqual({ total_tokens: 5 });
      expect(assembler.message()).toMatchObject({
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: 'caf\u00e9 \u{1F600}\r\n"!' },
            finish_reason: 'length',
          },
          { index: 1, message: { role: 'assistant', content: 'second' }, finish_reason: 'stop' },
        ],
      });
    }),
  );
});

test('reads a last event without its blank line', () => {
  const assembler = new StreamAssembler();
  assembler.push(Buffer.from(chunk({ content: 'x' }).trimEnd()));
  assembler.end();
  expect(assembler.message()).toMatchObject({ choices: [{ message: { content: 'x' } }] });
});

test('has no message of a stream without choices', () => {
  const assembler = new StreamAssembler();
  assembler.push(Buffer.from(event({ type: 'response.created' })));
  assembler.end();
  expect(assembler.message()).toBeNull();
  expect(assembler.chunks).toBe(1);
});

test('skips an event over its limit, and reads on after it', () => {
  const assembler = new StreamAssembler();
  assembler.push(Buffer.from(`data: "${'x'.repeat(2 * 1024 * 1024)}`));
  assembler.push(Buffer.from('the rest of it"\n\n'));
  assembler.push(Buffer.from(chunk({ content: 'next' })));
  assembler.end();
  expect(assembler.chunks).toBe(2);
  expect(assembler.message()).toMatchObject({ choices: [{ message: { content: 'next' } }] });
});
