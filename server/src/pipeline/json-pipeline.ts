import type {
  PipelineErrorInput,
  PipelineErrorOutput,
  PipelineRequestInput,
  PipelineRequestOutput,
  PipelineResponse,
  PipelineResponseInput,
  PipelineResponseOutput,
} from '@omniroute/shared/pipeline';
import { PluginError } from '../errors.ts';
import { HookCallError } from '../plugin-process/hook-call-error.ts';
import type { Runtime } from '../runtime.ts';
import { apiKeyInfo } from './api-key-info.ts';
import type { Pipeline } from './pipeline.ts';
import type { HookResponse } from './hook-response.ts';
import type { RequestState } from './request-state.ts';

/**
 * The hooks for callers without the gateway in front (`pipeline.request`, `.response`, `.error`): bodies are JSON
 * values here. Throws PluginError INVALID_REQUEST for metadata over 64 KiB.
 */
export class JsonPipeline {
  readonly #pipeline: Pipeline;
  readonly #runtime: Runtime;
  readonly #hmacKey: Buffer;

  constructor(pipeline: Pipeline, { runtime, hmacKey }: { runtime: Runtime; hmacKey: Buffer }) {
    this.#pipeline = pipeline;
    this.#runtime = runtime;
    this.#hmacKey = hmacKey;
  }

  async request(
    input: PipelineRequestInput,
    signal: AbortSignal | undefined,
  ): Promise<PipelineRequestOutput> {
    const state = this.#state(input, signal);
    const outcome = await unlessGone(this.#pipeline.onRequest(state));
    const { requestId } = state.input;
    return {
      requestId,
      blocked: outcome.kind === 'answered',
      ...(outcome.kind === 'answered' ? { response: toJson(outcome.response) } : {}),
      body: fromBytes(state.body),
      metadata: state.metadata,
      headers: state.headers,
    };
  }

  async response(
    input: PipelineResponseInput,
    signal: AbortSignal | undefined,
  ): Promise<PipelineResponseOutput> {
    const state = this.#state(input, signal);
    const { data, ...head } = input.response;
    const response = { ...head, data: toBytes(data) };
    if (!head.streamed) {
      const changed = await unlessGone(this.#pipeline.onResponse(state, response));
      return { response: toJson(changed), metadata: state.metadata };
    }
    await unlessGone(this.#pipeline.onSentResponse(state, response));
    return { response: toJson(response), metadata: state.metadata };
  }

  async error(input: PipelineErrorInput, signal: AbortSignal | undefined): Promise<PipelineErrorOutput> {
    const state = this.#state(input, signal);
    const response = await unlessGone(this.#pipeline.onError(state, input.error, toBytes(input.error.body)));
    return response ? { response: toJson(response) } : {};
  }

  #state(input: PipelineRequestInput, signal: AbortSignal | undefined): RequestState {
    const headers = Object.fromEntries(
      Object.entries(input.headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const state = this.#pipeline.open(
      {
        requestId: input.requestId ?? this.#runtime.newId(),
        method: input.method,
        path: input.path,
        headers,
        provider: input.provider ?? 'omniroute',
        body: toBytes(input.body),
        apiKeyInfo: apiKeyInfo(headers, null, this.#hmacKey),
        timestamp: this.#runtime.now().getTime(),
        signal,
      },
      { model: input.model, stream: input.stream },
    );
    try {
      state.mergeMetadata(input.metadata);
    } catch (error) {
      if (!(error instanceof HookCallError)) throw error;
      throw new PluginError('INVALID_REQUEST', 'The metadata is too large: send at most 64 KiB.', {
        cause: error,
      });
    }
    return state;
  }
}

async function unlessGone<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof HookCallError)) throw error;
    throw new PluginError('INVALID_REQUEST', 'The caller left before the hooks were done.', { cause: error });
  }
}

function toBytes(value: unknown): Buffer | null {
  return value === undefined ? null : Buffer.from(JSON.stringify(value), 'utf8');
}

function fromBytes(bytes: Buffer | null): unknown {
  if (bytes === null) return undefined;
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function toJson({ data, ...head }: HookResponse): PipelineResponse {
  return { ...head, ...(data === null ? {} : { data: fromBytes(data) }) };
}
