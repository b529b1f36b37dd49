import { pathToFileURL } from 'node:url';

/** @typedef {(...args: unknown[]) => unknown} Hook */

/**
 * Loads an entry file (ES module, CommonJS or TypeScript) and finds the hooks that it exports by name, or on
 * its default export.
 *
 * @param {string} entry absolute path
 * @param {readonly string[]} declared the hooks that the manifest enables; no other is called
 * @returns {Promise<{ hooks: Map<string, Hook>, missing: string[] }>}
 */
export async function loadPlugin(entry, declared) {
  const module = await import(pathToFileURL(entry).href);
  // A transpiled CommonJS module carries its default export one level deeper.
  /** @type {any[]} */
  const owners = [module, module.default, module.default?.default].filter(isObject);
  /** @type {Map<string, Hook>} */
  const hooks = new Map();
  for (const name of declared) {
    const owner = owners.find((candidate) => typeof candidate[name] === 'function');
    if (owner) hooks.set(name, (...args) => owner[name](...args));
  }
  return { hooks, missing: declared.filter((name) => !hooks.has(name)) };
}

/** @param {unknown} value */
function isObject(value) {
  return (typeof value === 'object' || typeof value === 'function') && value !== null;
}
