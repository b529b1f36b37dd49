import { callHook } from './call-hook.js';
import { fetchDenied } from './fetch-error.js';
import { FrameReader, FrameWriter, splitParts } from './frames.js';
import { loadPlugin } from './load-plugin.js';
import { frameTypes, protocolVersion } from './protocol.js';
import { asInvalidReturn, isInvalidReturn } from './invalid-return.js';

/** Answers the frames of the service: loads the plugin, runs its hooks, and reports what they return. */
export class PluginHost {
  #reader = new FrameReader();
  #writer;
  /** @type {Map<string, (...args: unknown[]) => unknown>} */
  #hooks = new Map();
  /** @type {Map<number, AbortController>} */
  #running = new Map();
  #about = {
    name: '',
    version: '',
    manifestText: '{}',
    dataDir: /** @type {string | undefined} */ (undefined),
  };
  #configText = '{}';
  /** @type {import('./fetch.js').FetchClient | null} */
  #fetches = null;

  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.#writer = new FrameWriter(socket);
  }

  /** @param {Buffer} chunk */
  receive(chunk) {
    for (const frame of this.#reader.push(chunk)) this.#handle(frame);
  }

  /** @param {import('./frames.js').Frame} frame */
  #handle({ type, id, head, body }) {
    const fields = /** @type {any} */ (head);
    if (type === frameTypes.hello) void this.#load(id, fields, body);
    else if (type === frameTypes.call) void this.#call(id, fields, splitParts(body, fields.parts ?? []));
    else if (type === frameTypes.abort) this.#running.get(id)?.abort(new Error(fields.reason));
    else if (type === frameTypes.ping) this.#writer.write(frameTypes.pong, id, {});
    else if (type === frameTypes.config) void this.#configure(id, body.toString('utf8'));
    else if (type === frameTypes.shutdown) process.exit(0);
    else if (type === frameTypes.fetchResult) this.#fetches?.answered(id, fields, body);
    else if (type === frameTypes.fetchFailed) this.#fetches?.failed(id, fields);
  }

  /**
   * @param {number} id
   * @param {{ protocol: number, name: string, version: string, entry: string, hooks: string[], dataDir?: string, network: boolean, parts: number[] }} hello
   * @param {Buffer} body
   */
  async #load(id, hello, body) {
    const [manifest, config] = splitParts(body, hello.parts);
    this.#about = {
      name: hello.name,
      version: hello.version,
      manifestText: manifest?.toString('utf8') ?? '{}',
      dataDir: hello.dataDir,
    };
    this.#configText = config?.toString('utf8') ?? '{}';
    try {
      setFetch(hello.network ? await this.#makeFetch() : fetchDenied);
      const { hooks, missing } = await loadPlugin(hello.entry, hello.hooks);
      this.#hooks = hooks;
      this.#writer.write(frameTypes.ready, id, {
        protocol: protocolVersion,
        hooks: [...hooks.keys()],
        missing,
      });
    } catch (error) {
      // Only Node's own report of an uncaught syntax error says where it is.
      if (error instanceof SyntaxError) setImmediate(() => rethrow(error));
      else this.#writer.write(frameTypes.loadFailed, id, describe(error));
    }
  }

  /** Its program is read only where a plugin may use it. */
  async #makeFetch() {
    const { FetchClient } = await import('./fetch.js');
    this.#fetches = new FetchClient({
      send: (id, head, body) => this.#writer.write(frameTypes.fetch, id, head, body === null ? [] : [body]),
      abort: (id) => this.#writer.write(frameTypes.fetchAbort, id, {}),
    });
    return this.#fetches.fetch;
  }

  /**
   * @param {number} id
   * @param {{ hook: string, ctx?: object, response?: object, error?: object, summary?: object }} call
   * @param {(Buffer | null)[]} parts
   */
  async #call(id, call, parts) {
    const controller = new AbortController();
    this.#running.set(id, controller);
    try {
      const hook = this.#hooks.get(call.hook);
      if (hook === undefined) throw new Error(`the plugin has no ${call.hook}`);
      const reply =
        call.ctx === undefined
          ? await this.#callLifecycle(hook)
          : await callHook(hook, call, parts, { configText: this.#configText, signal: controller.signal });
      asInvalidReturn(() => this.#writer.write(frameTypes.result, id, reply.head, reply.parts));
    } catch (error) {
      this.#writer.write(frameTypes.failure, id, describe(error));
    } finally {
      this.#running.delete(id);
    }
  }

  /** @param {(...args: unknown[]) => unknown} hook */
  async #callLifecycle(hook) {
    const { manifestText, ...about } = this.#about;
    await hook({ ...about, manifest: JSON.parse(manifestText), config: JSON.parse(this.#configText) });
    return { head: {}, parts: [] };
  }

  /**
   * @param {number} id
   * @param {string} configText
   */
  async #configure(id, configText) {
    const previous = this.#configText;
    this.#configText = configText;
    try {
      await this.#hooks.get('onConfigChange')?.({
        config: JSON.parse(configText),
        previous: JSON.parse(previous),
      });
      this.#writer.write(frameTypes.result, id, {});
    } catch (error) {
      this.#writer.write(frameTypes.failure, id, describe(error));
    }
  }
}

/**
 * Node's own asks the network, which this process does not have.
 *
 * @param {(...args: any) => Promise<unknown>} fetch
 */
function setFetch(fetch) {
  Object.defineProperty(globalThis, 'fetch', {
    value: fetch,
    writable: true,
    configurable: true,
    enumerable: true,
  });
}

/**
 * @param {SyntaxError} error
 * @returns {never}
 */
function rethrow(error) {
  throw error;
}

/**
 * @param {unknown} error whatever the plugin threw
 * @returns {{ kind: string, message: string, stack: string }}
 */
function describe(error) {
  try {
    const thrown = /** @type {any} */ (error);
    const message = String(thrown instanceof Error ? thrown.message : thrown).slice(0, 2_000);
    // The stack of an unacceptable return is this program's own.
    if (isInvalidReturn(error)) return { kind: 'INVALID_RETURN', message, stack: '' };
    const stack = String(thrown instanceof Error ? (thrown.stack ?? '') : '').slice(0, 8_000);
    return { kind: 'THROW', message, stack };
  } catch {
    return { kind: 'THROW', message: 'the plugin threw a value that cannot be shown', stack: '' };
  }
}
