import type { ConfigProblem } from '@omniroute/shared/plugin-config';

/** What an INVALID_CONFIG says about each key. */
export function configProblemsOf(details: unknown): ReadonlyMap<string, string> {
  const problems: unknown[] = Array.isArray(details) ? details : [];
  return new Map(problems.filter(isConfigProblem).map(({ key, message }) => [key, message]));
}

function isConfigProblem(value: unknown): value is ConfigProblem {
  return (
    value instanceof Object &&
    'key' in value &&
    typeof value.key === 'string' &&
    'message' in value &&
    typeof value.message === 'string'
  );
}
