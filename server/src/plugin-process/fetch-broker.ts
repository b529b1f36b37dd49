import type { Socket } from 'node:net';
import { OutboundError } from '../outbound/outbound-error.ts';
import type { PluginFetch } from '../outbound/plugin-fetch.ts';
import type { Frame, FrameWriter } from './child/frames.js';
import { frameTypes, maxFetches } from './child/protocol.js';

interface Options {
  fetcher: PluginFetch;
  writer: FrameWriter;
  socket: Socket;
}

/**
 * Makes the requests that a plugin's process asks for. Each has its answer, or its failure, once; one that the process
 * does not read stays open and holds back the rest, so that nothing gathers in the socket.
 */
export class FetchBroker {
  readonly #options: Options;
  readonly #open = new Map<number, AbortController>();
  #nextId = 1;
  #sent = Promise.resolve();

  constructor(options: Options) {
    this.#options = options;
    options.socket.once('close', () => this.#abortAll());
  }

  /** Takes a frame that came unasked. False for one that the program in the process cannot have sent. */
  accept({ type, id, head, body }: Frame): boolean {
    if (type === frameTypes.fetchAbort) {
      this.#open.get(id)?.abort();
      return id < this.#nextId;
    }
    if (id !== this.#nextId || this.#open.size >= maxFetches) return false;
    this.#nextId += 1;
    const controller = new AbortController();
    this.#open.set(id, controller);
    void this.#serve(id, head, body.length > 0 ? body : null, controller.signal);
    return true;
  }

  async #serve(id: number, asked: unknown, asking: Buffer | null, signal: AbortSignal): Promise<void> {
    try {
      using answer = await this.#options.fetcher.fetch(asked, asking, signal);
      const { status, statusText, headers, url, body } = answer;
      await this.#send(frameTypes.fetchResult, id, { status, statusText, headers, url }, [body]);
    } catch (error) {
      await this.#send(frameTypes.fetchFailed, id, shown(error));
    }
  }

  /** One after the other, each when the process has taken what was written before. */
  #send(type: number, id: number, head: object, parts: readonly Buffer[] = []): Promise<void> {
    const sending = this.#sent.then(async () => {
      const { socket, writer } = this.#options;
      await drained(socket);
      if (socket.writable) writer.write(type, id, head, parts);
      this.#open.delete(id);
    });
    this.#sent = sending.catch(() => undefined);
    return sending;
  }

  #abortAll(): void {
    for (const controller of this.#open.values()) controller.abort();
  }
}

/** Resolves when what was written has left, or never will. */
async function drained(socket: Socket): Promise<void> {
  if (!socket.writableNeedDrain || socket.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once('drain', resolve).once('close', resolve);
  await promise;
  socket.off('drain', resolve).off('close', resolve);
}

/** What may be told to the plugin. */
function shown(error: unknown): { code: string; message: string } {
  if (error instanceof OutboundError) return { code: error.code, message: error.message };
  return { code: 'FETCH_FAILED', message: 'The service could not make the request.' };
}
