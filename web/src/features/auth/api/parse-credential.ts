import type { LoginInput } from '@omniroute/shared/auth';

/** What a person pasted: a login link or its `#code=…` part, else the management token. Null for blank text. */
export function parseCredential(text: string): LoginInput | null {
  const pasted = text.trim();
  if (pasted === '') return null;
  const code = /(?:^|#)code=([^&\s]+)/.exec(pasted)?.[1];
  return code === undefined ? { token: pasted } : { code: code };
}
