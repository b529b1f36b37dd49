import { scanBody } from '@omniroute/server/pipeline/scan-body';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const keys = fc.oneof(
  fc.constantFrom('model', 'stream', 'Model', 'model ', 'messages', '"model"', 'mo\\del', ''),
  fc.string({ unit: 'binary' }),
);
const scalars = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"model":"decoy"', '{"stream":true}', '\\', '"', '\\"', 'true', '}', ','),
  fc.boolean(),
  fc.double(),
  fc.constant(null),
);
const { value: values } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalars,
    fc.array(tie('value'), { maxLength: 4 }),
    tie('object'),
  ),
  object: fc.dictionary(keys, tie('value'), { maxKeys: 4 }),
}));
const blanks = fc.stringMatching(/^[ \t\r\n]{0,2}$/);

/** JSON text of an object, keys repeated and characters escaped at will. */
const objectTexts = fc
  .array(fc.tuple(keys, values, fc.boolean(), blanks, blanks), { maxLength: 6 })
  .map((members) => {
    const texts = members.map(([key, value, isEscaped, before, after]) => {
      const name = isEscaped ? escaped(key) : JSON.stringify(key);
      return `${before}${name}${after}:${before}${JSON.stringify(value)}${after}`;
    });
    return ` {${texts.join(',')}}\n`;
  });

function escaped(text: string): string {
  const units = Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
  return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`;
}

/** What a lone surrogate becomes on its way through UTF-8. */
function throughUtf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

describe('scanBody', () => {
  test('agrees with JSON.parse on every object', () => {
    fc.assert(
      fc.property(objectTexts, (text) => {
        const parsed = JSON.parse(throughUtf8(text));
        expect(scanBody(Buffer.from(text, 'utf8'))).toEqual({
          model: typeof parsed.model === 'string' ? parsed.model : null,
          stream: parsed.stream === true,
        });
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['{"model":"a","model":"b"}', 'b', false],
    ['{"model":"a","model":1}', null, false],
    ['{"stream":true,"stream":"true"}', null, false],
    ['{"stream":true,"stream":false}', null, false],
    ['{"stream":[true]}', null, false],
    ['{"stream":{"stream":true}}', null, false],
    ['{"\\u006dodel":"a","\\u0073tream":true}', 'a', true],
    ['{"x":"model","y":{"model":"decoy","stream":true}}', null, false],
    ['{"x":"\\"","model":"a\\\\"}', 'a\\', false],
    ['{"__proto__":{"model":"decoy"},"model":"a"}', 'a', false],
    ['{}', null, false],
  ])('reads %s', (text, model, stream) => {
    expect(scanBody(Buffer.from(text))).toEqual({ model, stream });
  });

  test.each([
    '',
    ' ',
    '"model"',
    'true',
    'null',
    '[{"model":"a","stream":true}]',
    'plain text, stream: true',
  ])('finds nothing in what is no object: %j', (text) => {
    expect(scanBody(Buffer.from(text))).toEqual({ model: null, stream: false });
  });

  test('does not fail on any bytes', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void scanBody(bytes)));
  });

  test('reads a view at its offset', () => {
    const bytes = Buffer.from('xxx{"model":"a"}');
    expect(scanBody(bytes.subarray(3)).model).toBe('a');
  });
});
