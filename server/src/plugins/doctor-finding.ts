import type { DoctorCheck } from '@omniroute/shared/doctor';
import { PluginError } from '../errors.ts';

/** What one check of the doctor has found. */
export type Finding = Pick<DoctorCheck, 'result' | 'message' | 'fix'>;

export function pass(message: string): Finding {
  return { result: 'pass', message, fix: null };
}

/** @param fix what the operator does next */
export function warn(message: string, fix: string): Finding {
  return { result: 'warn', message, fix };
}

/** @param fix what the operator does next */
export function fail(message: string, fix: string): Finding {
  return { result: 'fail', message, fix };
}

/** A check that could not be made: never a pass. */
export function notChecked(why: string, fix: string): Finding {
  return warn(`Not checked: ${why}`, fix);
}

/** The message of an error that may be shown. Throws every other one again: nobody has foreseen it. */
export function refusal(error: unknown): string {
  if (error instanceof PluginError) return error.message;
  throw error;
}

/** The first line as a sentence; what a plugin said last, and stacks, come below it. */
export function sentence(text: string): string {
  const [first = ''] = text.trim().split('\n', 1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
