/** The value that `text` holds as JSON; undefined where it holds none. */
export function jsonOrUndefined(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
