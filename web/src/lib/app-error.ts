import { errorBodySchema } from '@omniroute/shared/error-code';

export interface AppError {
  message: string;
  code: string;
  details?: unknown;
}

/** What the service said about `error`, or `UNREACHABLE` where no answer of the service came. */
export function appError(error: unknown): AppError {
  const data = property(error, 'data');
  const answered = errorBodySchema.safeParse({ error: property(data, 'app') });
  if (answered.success) return answered.data.error;
  return {
    message: 'The service does not answer. Check that it is still running.',
    code: 'UNREACHABLE',
  };
}

function property(value: unknown, name: string): unknown {
  return value instanceof Object ? Reflect.get(value, name) : undefined;
}
