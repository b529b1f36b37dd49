export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
}

export type RestCaller = <T = unknown>(method: string, path: string, body?: unknown) => Promise<Answer<T>>;

/** Calls REST with the management token, and reads every answer as JSON. */
export function restCaller(url: string, token: string): RestCaller {
  return async <T>(method: string, path: string, body?: unknown) => {
    const hasBody = body !== undefined;
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(hasBody ? { 'content-type': 'application/json' } : {}),
      },
      ...(hasBody ? { body: JSON.stringify(body) } : {}),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as T };
  };
}
