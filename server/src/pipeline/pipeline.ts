import type { PipelineError } from '@omniroute/shared/pipeline';
import { HookCallError } from '../plugin-process/hook-call-error.ts';
import type { HookCall, HookReply } from '../plugin-process/plugin-process.ts';
import { acceptedHeaderChanges } from './header-rules.ts';
import type { HookRegistry, RegisteredHook } from './hook-registry.ts';
import { blockResponse, changedResponse, fallbackResponse, unavailableResponse } from './hook-response.ts';
import type { HookFailure, HookResponse, RequestState } from './request-state.ts';

/** Reaches a plugin's process. Rejects with HookCallError, `NOT_RUNNING` where there is none. */
export interface HookInvoker {
  call(plugin: string, call: HookCall): Promise<HookReply>;
}

export interface HookObserver {
  /** A hook call that did not do its work. Never silent: it goes to the plugin's log and the service's. */
  failed(failure: HookFailure): void;
  /** Something that the author should know about a call that did work. */
  noted(plugin: string, note: string): void;
}

export type RequestOutcome =
  | { kind: 'passed' }
  /** `response` is the answer: a block, a short-circuit, or our 503 for a closed hook that failed. */
  | { kind: 'answered'; plugin: string; response: HookResponse };

export type StreamSummary = {
  status: number;
  usage: Record<string, unknown> | null;
  durationMs: number;
  chunks: number;
  finishReason: string | null;
};

/** Runs the hooks of one request in order. Knows nothing of HTTP connections. */
export class Pipeline {
  readonly #registry: HookRegistry;
  readonly #invoker: HookInvoker;
  readonly #observer: HookObserver;

  constructor({
    registry,
    invoker,
    observer,
  }: { registry: HookRegistry; invoker: HookInvoker; observer: HookObserver }) {
    this.#registry = registry;
    this.#invoker = invoker;
    this.#observer = observer;
  }

  get registry(): HookRegistry {
    return this.#registry;
  }

  /** Runs `onRequest` over `request`, which it changes. Rejects with HookCallError `CANCELLED` when the client leaves. */
  async onRequest(request: RequestState): Promise<RequestOutcome> {
    for (const hook of this.#registry.list('onRequest')) {
      const { plugin } = hook;
      const step = await this.#step(hook, request, {}, null, (reply) => applyToRequest(request, reply));
      if (step.kind === 'closed')
        return { kind: 'answered', plugin, response: unavailableResponse(plugin, hook.name) };
      if (step.kind === 'failed') continue;
      this.#noteHeaders(plugin, step.value);
      if (step.reply.head.blocked)
        return { kind: 'answered', plugin, response: blockResponse(plugin, step.reply) };
    }
    return { kind: 'passed' };
  }

  /** Whether a hook of this name would rather refuse the request than not see it. */
  hasClosed(name: 'onRequest' | 'onResponse'): boolean {
    return this.#registry.list(name).some((hook) => hook.failure === 'closed' && hook.mode === 'intercept');
  }

  /** Records that the response went to the client past every `onResponse` hook. */
  bypassed(message: string): void {
    for (const { plugin, name: hook, failure: policy } of this.#registry.list('onResponse')) {
      this.#observer.failed({ plugin, hook, policy, failure: 'BYPASSED', message });
    }
  }

  /**
   * Runs `onResponse` over the final answer and returns what the client gets. Where `isSent`, what hooks return
   * for the response is ignored.
   */
  async onResponse(request: RequestState, response: HookResponse, isSent = false): Promise<HookResponse> {
    let current = response;
    for (const hook of this.#registry.list('onResponse')) {
      const { data, ...head } = current;
      const step = await this.#step(hook, request, { response: head }, data, (reply) =>
        mergeMetadata(request, reply),
      );
      if (step.kind === 'closed' && !isSent && current.source !== 'host') {
        current = { ...unavailableResponse(hook.plugin, hook.name), durationMs: current.durationMs };
      }
      if (step.kind === 'done' && !isSent) current = changedResponse(current, step.reply);
    }
    return current;
  }

  /** Runs `onError`. Returns the first fallback, or our 503 where a closed hook failed, or null. */
  async onError(
    request: RequestState,
    error: PipelineError,
    body: Buffer | null,
  ): Promise<HookResponse | null> {
    let answer: HookResponse | null = null;
    const { body: _, ...head } = error;
    for (const hook of this.#registry.list('onError')) {
      const step = await this.#step(hook, request, { error: head }, body, (reply) =>
        mergeMetadata(request, reply),
      );
      if (step.kind === 'closed') answer ??= unavailableResponse(hook.plugin, hook.name);
      if (step.kind === 'done' && step.reply.head.response) answer ??= fallbackResponse(step.reply);
    }
    return answer;
  }

  async onStreamComplete(request: RequestState, summary: StreamSummary): Promise<void> {
    for (const hook of this.#registry.list('onStreamComplete')) {
      await this.#step(hook, request, { summary }, null, () => undefined);
    }
  }

  /** One hook call with its failure policy. `apply` may refuse what the hook returned by throwing. */
  async #step<T>(
    hook: RegisteredHook,
    request: RequestState,
    head: object,
    second: Buffer | null,
    apply: (reply: HookReply) => T,
  ): Promise<{ kind: 'done'; reply: HookReply; value: T } | { kind: 'failed' } | { kind: 'closed' }> {
    const call = this.#invoke(hook, request, head, second);
    if (hook.mode === 'observe') {
      call.catch((error: unknown) => this.#fail(hook, error));
      return { kind: 'failed' };
    }
    try {
      const reply = await call;
      const value = apply(reply);
      for (const note of reply.head.notes) this.#observer.noted(hook.plugin, note);
      return { kind: 'done', reply, value };
    } catch (error) {
      if (error instanceof HookCallError && error.failure === 'CANCELLED') throw error;
      this.#fail(hook, error);
      return { kind: hook.failure === 'closed' ? 'closed' : 'failed' };
    }
  }

  #invoke(
    hook: RegisteredHook,
    request: RequestState,
    head: object,
    second: Buffer | null,
  ): Promise<HookReply> {
    return this.#invoker.call(hook.plugin, {
      hook: hook.name,
      head: { ctx: request.context(), ...head },
      parts: [request.readableBody, second],
      timeoutMs: hook.timeoutMs,
      signal: hook.mode === 'observe' ? undefined : request.input.signal,
    });
  }

  #fail(hook: RegisteredHook, error: unknown): void {
    const known = error instanceof HookCallError;
    this.#observer.failed({
      plugin: hook.plugin,
      hook: hook.name,
      policy: hook.failure,
      failure: known ? error.failure : 'INVALID_RETURN',
      message: error instanceof Error ? error.message : String(error),
      pluginStack: known ? error.pluginStack : undefined,
    });
  }

  #noteHeaders(plugin: string, refused: readonly string[]): void {
    if (refused.length > 0)
      this.#observer.noted(plugin, `onRequest may not set these headers: ${refused.join(', ')}`);
  }
}

/** Applies what `onRequest` returned and names the headers that were refused. */
function applyToRequest(request: RequestState, reply: HookReply): string[] {
  mergeMetadata(request, reply);
  const { accepted, refused } = acceptedHeaderChanges(reply.head.headers ?? {});
  request.changeHeaders(accepted);
  const body = reply.parts[0];
  if (reply.head.body !== undefined && body) request.replaceBody(body, reply.head.body === 'json');
  return refused;
}

function mergeMetadata(request: RequestState, reply: HookReply): void {
  if (reply.head.metadata) request.mergeMetadata(reply.head.metadata);
}
