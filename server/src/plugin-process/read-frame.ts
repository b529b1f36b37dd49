import type { ProcessFault } from '@omniroute/shared/process-fault';
import type { z } from 'zod';
import { messageOf } from '../errors.ts';
import { type Frame, splitParts } from './child/frames.js';
import { frameTypes } from './child/protocol.js';
import { HookCallError } from './hook-call-error.ts';
import { isTooDeep } from './child/json-depth.js';
import { failureSchema, type HookResult, resultSchema } from './messages.ts';

export interface HookReply {
  head: HookResult;
  parts: (Buffer | null)[];
}

/** A frame that no program of ours can have sent. */
export class ProtocolFault extends Error {
  readonly fault: ProcessFault;

  constructor(fault: ProcessFault, what: string, options?: ErrorOptions) {
    super(`protocol fault: ${what}`, options);
    this.name = 'ProtocolFault';
    this.fault = fault;
  }
}

/**
 * What a hook returned.
 *
 * @throws {HookCallError} THROW or INVALID_RETURN, by what the plugin did
 * @throws {ProtocolFault}
 */
export function readReply(frame: Frame): HookReply {
  if (frame.type === frameTypes.failure) {
    const failure = parseHead(failureSchema, frame.head);
    throw new HookCallError(failure.kind, failure.message, { pluginStack: failure.stack });
  }
  if (frame.type !== frameTypes.result) {
    throw new ProtocolFault('FRAME_UNEXPECTED', 'a reply is neither a result nor a failure');
  }
  if (isTooDeep(frame.head)) {
    throw new HookCallError('INVALID_RETURN', 'the returned metadata nests too deep');
  }
  const { data, error } = resultSchema.safeParse(frame.head);
  if (error) {
    const [issue] = error.issues;
    const what = issue?.path.join('.') || 'the return';
    throw new HookCallError('INVALID_RETURN', `${what}: ${issue?.message ?? 'not acceptable'}`);
  }
  try {
    return { head: data, parts: splitParts(frame.body, data.parts) };
  } catch (cause) {
    throw new ProtocolFault('FRAME_MALFORMED', messageOf(cause), { cause });
  }
}

/** @throws {ProtocolFault} */
export function parseHead<T extends z.ZodType>(schema: T, head: unknown): z.infer<T> {
  const parsed = schema.safeParse(head);
  if (parsed.success) return parsed.data;
  throw new ProtocolFault('FRAME_MALFORMED', 'a frame does not have the expected shape');
}
