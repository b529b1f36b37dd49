/**
 * A JSON body that is parsed when it is first read. Undefined where there is none, or it is not JSON.
 *
 * @param {Uint8Array | null} bytes
 */
export function lazyJson(bytes) {
  let read = false;
  /** @type {unknown} */
  let parsed;

  function value() {
    if (!read && bytes !== null) parsed = parse(bytes);
    read = true;
    return parsed;
  }

  return {
    value,

    /**
     * Whether `candidate` is this body as it came, so that its bytes can stay as they are.
     *
     * @param {unknown} candidate
     * @param {string} text the candidate's JSON
     */
    isUnchanged(candidate, text) {
      if (!read || candidate !== parsed || bytes === null) return false;
      return text === JSON.stringify(parse(bytes));
    },

    /**
     * @param {object} target
     * @param {string} key
     * @param {boolean} [enumerable]
     */
    define(target, key, enumerable = true) {
      defineLazy(target, key, value, enumerable);
    },

    /** Whether a getter of this body is still in place under `key`, never read: then nothing can have changed. */
    isUntouched(/** @type {object} */ target, /** @type {string} */ key) {
      return !read && Object.getOwnPropertyDescriptor(target, key)?.get === value;
    },
  };
}

/**
 * Defines a property that is worked out when it is read, and that a plugin can set.
 *
 * @param {object} target
 * @param {string} key
 * @param {() => unknown} get
 * @param {boolean} [enumerable]
 */
export function defineLazy(target, key, get, enumerable = true) {
  Object.defineProperty(target, key, {
    enumerable,
    configurable: true,
    get,
    set: (next) => {
      Object.defineProperty(target, key, {
        value: next,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    },
  });
}

/**
 * Bytes that are not UTF-8 become replacement characters: a guard has to see what an upstream will read.
 *
 * @param {Uint8Array} bytes
 */
function parse(bytes) {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
