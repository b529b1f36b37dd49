/** Headers in order, names in lower case; one name may stand more than once. */
export type Headers = readonly (readonly [name: string, value: string])[];

/** `name` is in lower case. */
export function headerValues(headers: Headers, name: string): string[] {
  return headers.filter(([key]) => key === name).map(([, value]) => value);
}

/** The headers of an answer, as undici has them. */
export function headersOf(record: Record<string, string | string[] | undefined>): Headers {
  return Object.entries(record).flatMap(([name, value = []]) =>
    (typeof value === 'string' ? [value] : value).map((one) => [name.toLowerCase(), one] as const),
  );
}
