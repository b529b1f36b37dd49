import { metadataMaxBytes } from '@omniroute/shared/pipeline';
import { HookCallError } from '../plugin-process/hook-call-error.ts';
import { prototypeKeys } from '../prototype-keys.ts';
import { type Headers, withoutCredentials } from './header-rules.ts';
import type { HookSnapshot } from './hook-registry.ts';
import { scanBody } from './scan-body.ts';

export interface RequestInput {
  requestId: string;
  method: string;
  path: string;
  /** All headers, lower-case names. */
  headers: Headers;
  provider: string;
  body: Buffer | null;
  apiKeyInfo: { id: string } | null;
  timestamp: number;
  signal: AbortSignal | undefined;
}

/** One request on its way through the hooks: each plugin sees what earlier ones changed. */
export class RequestState {
  readonly input: RequestInput;
  /** The hooks that this request meets, from its beginning to its end. */
  readonly hooks: HookSnapshot;
  /** What hooks did to the headers, to be sent upstream; null deletes. */
  readonly headerChanges = new Map<string, string | null>();
  #headers: Headers;
  #body: Buffer | null;
  #isReadable: boolean;
  #metadata: Record<string, unknown> = {};
  #model: string | null;
  #stream: boolean;
  #signal: AbortSignal | undefined;
  #isAnswered = false;

  constructor(
    input: RequestInput,
    hooks: HookSnapshot,
    known: { model?: string | undefined; stream?: boolean | undefined } = {},
  ) {
    this.input = input;
    this.hooks = hooks;
    this.#headers = withoutCredentials(input.headers);
    this.#body = input.body;
    this.#isReadable = /^(identity)?$/i.test(input.headers['content-encoding']?.trim() ?? '');
    this.#signal = input.signal;
    const scanned = scanBody(this.#isReadable ? input.body : null);
    this.#model = known.model ?? scanned.model;
    this.#stream = known.stream ?? scanned.stream;
  }

  get body(): Buffer | null {
    return this.#body;
  }

  /** The body as hooks read it. */
  get readableBody(): Buffer | null {
    return this.#isReadable ? this.#body : null;
  }

  get stream(): boolean {
    return this.#stream;
  }

  get headers(): Headers {
    return this.#headers;
  }

  /** Aborts the hooks when the client leaves; undefined once the client has its answer. */
  get signal(): AbortSignal | undefined {
    return this.#signal;
  }

  /** From here on the hooks run to their end, whether the client stays or not: it has been answered. */
  outlive(): void {
    this.#signal = undefined;
    this.#isAnswered = true;
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  get metadata(): Record<string, unknown> {
    return this.#metadata;
  }

  /** Replaces the body. `isJson` tells the upstream so; text and bytes keep the content type of the request. */
  replaceBody(body: Buffer, isJson: boolean): void {
    this.#body = body;
    this.#isReadable = true;
    this.changeHeaders([
      ['content-encoding', null],
      ...(isJson ? ([['content-type', 'application/json']] as const) : []),
    ]);
    const { model, stream } = scanBody(body);
    this.#model = model;
    this.#stream = stream;
  }

  changeHeaders(changes: readonly (readonly [string, string | null])[]): void {
    const headers = { ...this.#headers };
    for (const [name, value] of changes) {
      this.headerChanges.set(name, value);
      if (value === null) delete headers[name];
      else headers[name] = value;
    }
    this.#headers = withoutCredentials(headers);
  }

  /** @throws {HookCallError} INVALID_RETURN when the merged metadata is larger than 64 KiB; it stays as it was then */
  mergeMetadata(changes: Record<string, unknown>): void {
    const merged = { ...this.#metadata, ...cleanMetadata(changes) };
    const bytes = Buffer.byteLength(JSON.stringify(merged));
    if (bytes > metadataMaxBytes)
      throw new HookCallError(
        'INVALID_RETURN',
        `the metadata would be ${bytes} bytes; the limit is ${metadataMaxBytes}`,
      );
    this.#metadata = merged;
  }

  /** `ctx` as it travels to a plugin, without the body. */
  context(): object {
    const { requestId, method, path, provider, apiKeyInfo, timestamp } = this.input;
    return {
      requestId,
      method,
      path,
      headers: this.#headers,
      model: this.#model,
      provider,
      metadata: this.#metadata,
      apiKeyInfo,
      stream: this.#stream,
      timestamp,
    };
  }
}

function cleanMetadata(metadata: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => !prototypeKeys.has(key)));
}
