/** Keys of a JSON object that could reach a prototype if it were ever merged carelessly. */
export const prototypeKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
