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

/** Throws INVALID_REQUEST for what is not JSON, is nested too deeply, or could reach a prototype. */
export function parseJson(text: string): unknown {
  checkDepth(text);
  try {
    const value: unknown = JSON.parse(text);
    if (mayHoldPrototypeKeys(text)) checkKeys(value);
    return value;
  } catch (cause) {
    if (cause instanceof PluginError) throw cause;
    throw new PluginError('INVALID_REQUEST', 'The body is not valid JSON.', { cause });
  }
}

/** Throws INVALID_REQUEST for JSON that is nested too deeply or could reach a prototype; its syntax is the next reader's affair. */
export function checkJson(text: string): void {
  if (mayHoldPrototypeKeys(text)) parseJson(text);
  else checkDepth(text);
}

/** Before parsing: a few megabytes of brackets would otherwise become gigabytes of arrays. */
function checkDepth(text: string): void {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (inString) {
      if (character === '\\') index += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
    if (depth > maxDepth)
      throw new PluginError('INVALID_REQUEST', `The body is nested more than ${maxDepth} levels deep.`);
  }
}

/** Escapes can spell these keys, too. */
function mayHoldPrototypeKeys(text: string): boolean {
  return /__proto__|constructor|\\u00/.test(text);
}

function checkKeys(root: unknown): void {
  const waiting = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value !== 'object' || value === null) continue;
    if (Object.hasOwn(value, '__proto__') || reachesPrototype(value)) {
      throw new PluginError(
        'INVALID_REQUEST',
        'The body must not hold the key "__proto__" or "constructor.prototype".',
      );
    }
    for (const child of Object.values(value)) waiting.push(child);
  }
}

function reachesPrototype(value: object): boolean {
  const inner: unknown = Object.hasOwn(value, 'constructor') ? Reflect.get(value, 'constructor') : null;
  return typeof inner === 'object' && inner !== null && Object.hasOwn(inner, 'prototype');
}
