import type { FailurePolicy, PipelineHook } from '@omniroute/shared/hook';
import type { PipelineError } from '@omniroute/shared/pipeline';
import { HookCallError, type HookCallFailure } from '../plugin-process/hook-call-error.ts';
import type { HookCall } from '../plugin-process/plugin-process.ts';
import type { HookReply } from '../plugin-process/read-frame.ts';
import { acceptedHeaderChanges } from './header-rules.ts';
import type { HookRegistry, RegisteredHook } from './hook-registry.ts';
import {
  blockResponse,
  changedResponse,
  fallbackResponse,
  type HookResponse,
  unavailableResponse,
} from './hook-response.ts';
import { type RequestInput, RequestState } from './request-state.ts';

/** Reaches a plugin's process. Rejects with HookCallError, `NOT_RUNNING` where there is none. */
export interface HookInvoker {
  call(plugin: string, call: HookCall): Promise<HookReply>;
}

/** One hook call that did not do its work, and what its failure policy is. */
interface HookFailure {
  plugin: string;
  hook: PipelineHook;
  policy: FailurePolicy;
  requestId: string;
  failure: HookCallFailure | 'BYPASSED';
  message: string;
  pluginStack: string | undefined;
}

/** How the call of a hook that was due went; a failure is told by HookFailure, too. */
export interface HookCalled {
  plugin: string;
  hook: PipelineHook;
  /** What a failure came to for the client: `closed` only where it was refused. */
  policy: FailurePolicy;
  /** By performance.now(), around the call. */
  durationMs: number;
  outcome: 'DONE' | 'BLOCKED' | HookCallFailure;
  message: string;
}

/** How a hook call went: `passed` means that the request goes on as if the hook were not there. */
type Step<T> = { kind: 'done'; reply: HookReply; value: T } | { kind: 'passed' } | { kind: 'closed' };

export interface HookObserver {
  /** Every call of a hook, in whatever way it ended. On the request's path: it must not wait. */
  called(call: HookCalled): void;
  /** A response went past a hook (`open`), or was refused for it (`closed`), without a call. */
  unseen(hook: Pick<HookCalled, 'plugin' | 'hook' | 'policy'>): void;
  /** A hook call that did not do its work. Never silent: it goes to the plugin's log and the service's. */
  failed(failure: HookFailure): void;
  /** Something that the author should know about a call that did work. */
  noted(plugin: string, note: string): void;
  /** A fault of the service's own, off every client's path. */
  broke(error: unknown): void;
}

export type RequestOutcome =
  | { kind: 'passed' }
  /** `response` is the answer: a block, a short-circuit, or our 503 for a closed hook that failed. */
  | { kind: 'answered'; response: HookResponse };

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

  /** A request that meets the hooks as they are now. `known` wins over what its body says. */
  open(
    input: RequestInput,
    known?: { model?: string | undefined; stream?: boolean | undefined },
  ): RequestState {
    return new RequestState(input, this.#registry.snapshot(), known);
  }

  /** Runs `onRequest` over `request`, which it changes. Rejects with HookCallError `CANCELLED` when the client leaves. */
  async onRequest(request: RequestState): Promise<RequestOutcome> {
    for (const hook of request.hooks.list('onRequest')) {
      const { plugin } = hook;
      const step = await this.#step(hook, request, {}, null, (reply) => applyToRequest(request, reply));
      if (step.kind === 'closed')
        return { kind: 'answered', response: unavailableResponse(plugin, hook.name) };
      if (step.kind === 'passed') continue;
      for (const note of step.value) this.#observer.noted(plugin, note);
      if (step.reply.head.blocked) return { kind: 'answered', response: blockResponse(plugin, step.reply) };
    }
    return { kind: 'passed' };
  }

  /**
   * Runs `onResponse` over the final answer and returns what the client gets. A closed hook that fails makes it
   * our 503, but for an answer that is ours already.
   */
  async onResponse(request: RequestState, response: HookResponse): Promise<HookResponse> {
    let current = response;
    for (const hook of request.hooks.list('onResponse')) {
      const step = await this.#respond(hook, request, current);
      if (step.kind === 'done') current = changedResponse(current, step.reply);
      if (step.kind === 'closed' && current.source !== 'host') {
        current = { ...unavailableResponse(hook.plugin, hook.name), durationMs: current.durationMs };
      }
    }
    return current;
  }

  /** Runs `onResponse` over an answer that the client has: what hooks return for it changes nothing. */
  async onSentResponse(request: RequestState, response: HookResponse): Promise<void> {
    request.outlive();
    for (const hook of request.hooks.list('onResponse')) await this.#respond(hook, request, response);
  }

  /** Records that a response goes to the client past every `onResponse` hook, or is refused for a closed one. */
  bypassed(request: RequestState, message: string): void {
    const refused = request.hooks.closed('onResponse') !== undefined;
    for (const hook of request.hooks.list('onResponse')) {
      this.#report(hook, request, 'BYPASSED', message);
      const policy = policyOf(hook, request);
      // What is refused for another hook has not gone past this one.
      if (policy === 'closed' || !refused)
        this.#observer.unseen({ plugin: hook.plugin, hook: hook.name, policy });
    }
  }

  /** Runs `onError`. Returns the first fallback, or our 503 where a closed hook failed, or null. */
  async onError(
    request: RequestState,
    error: PipelineError,
    body: Buffer | null,
  ): Promise<HookResponse | null> {
    let answer: HookResponse | null = null;
    const { body: _, ...head } = error;
    for (const hook of request.hooks.list('onError')) {
      const step = await this.#step(hook, request, { error: head }, body, (reply) =>
        mergeMetadata(request, reply),
      );
      if (step.kind === 'closed') answer ??= unavailableResponse(hook.plugin, hook.name);
      if (step.kind === 'done' && step.reply.head.response) answer ??= fallbackResponse(step.reply);
    }
    return answer;
  }

  async onStreamComplete(request: RequestState, summary: StreamSummary): Promise<void> {
    for (const hook of request.hooks.list('onStreamComplete')) {
      await this.#step(hook, request, { summary }, null, () => undefined);
    }
  }

  #respond(hook: RegisteredHook, request: RequestState, response: HookResponse): Promise<Step<void>> {
    const { data, ...head } = response;
    return this.#step(hook, request, { response: head }, data, (reply) => mergeMetadata(request, reply));
  }

  /** One hook call with its failure policy. `apply` may refuse what the hook returned with a HookCallError. */
  async #step<T>(
    hook: RegisteredHook,
    request: RequestState,
    head: object,
    second: Buffer | null,
    apply: (reply: HookReply) => T,
  ): Promise<Step<T>> {
    const startedAt = performance.now();
    const call = this.#invoke(hook, request, head, second);
    if (hook.mode === 'observe') {
      call.then(
        () => this.#called(hook, request, startedAt, 'DONE'),
        (error: unknown) => {
          if (error instanceof HookCallError) this.#fail(hook, request, startedAt, error);
          else this.#observer.broke(error);
        },
      );
      return { kind: 'passed' };
    }
    try {
      const reply = await call;
      const value = apply(reply);
      this.#called(hook, request, startedAt, reply.head.blocked ? 'BLOCKED' : 'DONE');
      for (const note of reply.head.notes) this.#observer.noted(hook.plugin, note);
      return { kind: 'done', reply, value };
    } catch (error) {
      if (!(error instanceof HookCallError)) throw error;
      if (error.failure === 'CANCELLED') {
        this.#called(hook, request, startedAt, 'CANCELLED');
        throw error;
      }
      if (!this.#fail(hook, request, startedAt, error)) return { kind: 'passed' };
      return { kind: hook.failure === 'closed' ? 'closed' : 'passed' };
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
      signal: hook.mode === 'observe' ? undefined : request.signal,
    });
  }

  /** Reports a failed call. False where it was none: the plugin is no guard of this request any more. */
  #fail(hook: RegisteredHook, request: RequestState, startedAt: number, error: HookCallError): boolean {
    // It was deactivated while this request was on its way.
    if (isGone(error) && !this.#registry.isRegistered(hook.plugin)) return false;
    const { failure, message, pluginStack } = error;
    this.#called(hook, request, startedAt, failure, message);
    this.#report(hook, request, failure, message, pluginStack);
    return true;
  }

  #called(
    hook: RegisteredHook,
    request: RequestState,
    startedAt: number,
    outcome: HookCalled['outcome'],
    message = '',
  ): void {
    const policy = policyOf(hook, request);
    const durationMs = performance.now() - startedAt;
    this.#observer.called({ plugin: hook.plugin, hook: hook.name, policy, durationMs, outcome, message });
  }

  #report(
    { plugin, name: hook, failure: policy }: RegisteredHook,
    request: RequestState,
    failure: HookFailure['failure'],
    message: string,
    pluginStack?: string,
  ): void {
    const { requestId } = request.input;
    this.#observer.failed({ plugin, hook, policy, requestId, failure, message, pluginStack });
  }
}

/** What the hook's failure comes to: an observer, and a client that has its answer, are never refused anything. */
function policyOf({ mode, failure }: RegisteredHook, request: RequestState): FailurePolicy {
  return mode === 'observe' || request.isAnswered ? 'open' : failure;
}

function isGone({ failure }: HookCallError): boolean {
  return failure === 'NOT_RUNNING' || failure === 'EXITED';
}

/** Applies what `onRequest` returned, and says what of it is not used. */
function applyToRequest(request: RequestState, reply: HookReply): string[] {
  if (reply.head.blocked) return mergeMetadataOfBlock(request, reply);
  mergeMetadata(request, reply);
  const { accepted, refused } = acceptedHeaderChanges(reply.head.headers ?? {});
  request.changeHeaders(accepted);
  const body = reply.parts[0];
  if (reply.head.body !== undefined && body) request.replaceBody(body, reply.head.body === 'json');
  return refused.length === 0 ? [] : [`onRequest may not set these headers: ${refused.join(', ')}`];
}

/** A block is a block, even if its metadata cannot be taken. */
function mergeMetadataOfBlock(request: RequestState, reply: HookReply): string[] {
  try {
    mergeMetadata(request, reply);
    return [];
  } catch (error) {
    if (!(error instanceof HookCallError)) throw error;
    return [`the request is blocked, but its metadata is not used: ${error.message}`];
  }
}

function mergeMetadata(request: RequestState, reply: HookReply): void {
  if (reply.head.metadata) request.mergeMetadata(reply.head.metadata);
}
