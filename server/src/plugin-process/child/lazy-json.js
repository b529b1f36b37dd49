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
      Object.defineProperty(target, key, {
        enumerable,
        configurable: true,
        get: value,
        set: (next) => {
          Object.defineProperty(target, key, {
            value: next,
            enumerable: true,
            configurable: true,
            writable: true,
          });
        },
      });
    },

    /** Whether a getter of this body is still in place under `key`, never read: then nothing can have changed. */
    isUntouched(/** @type {object} */ target, /** @type {string} */ key) {
      return !read && Object.getOwnPropertyDescriptor(target, key)?.get === value;
    },
  };
}

/** @param {Uint8Array} bytes */
function parse(bytes) {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
