/** What a fault came to, in words that two runs share. */
export interface Outcome {
  /** What clients of the gateway, or the operator who asked for it, are answered. */
  answers: string;
  /** What the API says of the plugin, or the service of itself, afterwards. */
  afterwards: string;
  /** What is not as it was once the cause is gone. */
  lost: string;
}

export const nothingLost = 'nothing';

/** Something that goes wrong, provoked for real. */
export interface Fault {
  what: string;
  expected: Outcome;
  provoke(): Promise<Outcome>;
}

/** `503 PLUGIN_UNAVAILABLE`, or the status alone. */
export function answerText(status: number, code?: string | null): string {
  return code ? `${status} ${code}` : String(status);
}
