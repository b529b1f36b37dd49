import { PluginError } from '../errors.ts';

const maxDepth = 64;

/** UTF-8 without a byte order mark; throws INVALID_REQUEST for other bytes. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.startsWith('\uFEFF')) return text;
  } catch (cause) {
    throw new PluginError('INVALID_REQUEST', 'The body is not UTF-8.', { cause });
  }
  throw new PluginError('INVALID_REQUEST', 'The body must not start with a byte order mark.');
}

/**
 * Reads JSON that says one thing only. Throws INVALID_REQUEST for what is not JSON, is nested too deeply, could reach a
 * prototype, names a key twice, or holds what would not be kept as it is: half a surrogate pair, a number beyond all.
 * `subject` begins the sentences.
 */
export function parseJson(text: string, subject = 'The body'): unknown {
  const writtenKeys = scan(text, subject);
  const value = parse(text, subject);
  const problem = problemOf(value, writtenKeys);
  if (problem !== null) throw new PluginError('INVALID_REQUEST', `${subject} must not hold ${problem}.`);
  return value;
}

function parse(text: string, subject: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PluginError('INVALID_REQUEST', `${subject} is not valid JSON.`, { cause });
  }
}

/** Before parsing: a few megabytes of brackets would otherwise become gigabytes of arrays. Returns how many keys there are. */
function scan(text: string, subject: string): number {
  let depth = 0;
  let keys = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (inString) {
      if (character === '\\') index += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === ':') keys += 1;
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
    if (depth > maxDepth)
      throw new PluginError('INVALID_REQUEST', `${subject} is nested more than ${maxDepth} levels deep.`);
  }
  return keys;
}

/** Of keys that are the same, parsing keeps the last one: there are fewer then than were written. */
function problemOf(root: unknown, writtenKeys: number): string | null {
  let keys = 0;
  const waiting = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value === 'string' && !value.isWellFormed()) return halfPair;
    if (typeof value === 'number' && !Number.isFinite(value)) return 'a number that is too large';
    if (typeof value !== 'object' || value === null) continue;
    if (!Array.isArray(value)) {
      const names = Object.keys(value);
      keys += names.length;
      if (names.some((name) => !name.isWellFormed())) return halfPair;
      if (Object.hasOwn(value, '__proto__') || reachesPrototype(value)) {
        return 'the key "__proto__" or "constructor.prototype"';
      }
    }
    for (const child of Object.values(value)) waiting.push(child);
  }
  return keys === writtenKeys ? null : 'a key twice in one object';
}

const halfPair = 'half a surrogate pair';

function reachesPrototype(value: object): boolean {
  const inner: unknown = Object.hasOwn(value, 'constructor') ? Reflect.get(value, 'constructor') : null;
  return typeof inner === 'object' && inner !== null && Object.hasOwn(inner, 'prototype');
}
