import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';

export interface ReceivedRequest {
  method: string;
  /** With the query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export type Answer = (response: ServerResponse, request: ReceivedRequest) => void;

/** A provider under the test's control, on a free port of 127.0.0.1. */
export interface TestUpstream extends AsyncDisposable {
  /** The base URL for `OMNIROUTE_UPSTREAM_URL`. */
  readonly url: string;
  readonly port: number;
  /** What it has been asked, oldest first. */
  readonly requests: ReceivedRequest[];
  /** Answers what comes from here on. */
  answer: Answer;
}

export async function startUpstream(answer: Answer = completion('from upstream')): Promise<TestUpstream> {
  const requests: ReceivedRequest[] = [];
  const upstream = { answer };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const received = { method, path, headers, body: Buffer.concat(chunks) };
      requests.push(received);
      upstream.answer(response, received);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return Object.assign(upstream, {
    url: `http://127.0.0.1:${port}/v1`,
    port,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

/** A chat completion as a provider sends it. */
export function completionBody(content: string): object {
  const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }];
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  return { id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'test-model', choices, usage };
}

export function completion(content: string, headers: OutgoingHttpHeaders = {}): Answer {
  return json(200, completionBody(content), headers);
}

export function json(status: number, value: unknown, headers: OutgoingHttpHeaders = {}): Answer {
  return bytes(status, JSON.stringify(value), { 'content-type': 'application/json', ...headers });
}

export function bytes(status: number, body: string | Buffer, headers: OutgoingHttpHeaders = {}): Answer {
  return (response) => {
    response.writeHead(status, headers);
    response.end(body);
  };
}

/** Leaves the answers to the test: each one is handed over when its request has arrived. */
export function held(): { answer: Answer; next(): Promise<ServerResponse> } {
  const arrived: ServerResponse[] = [];
  const waiting: ((response: ServerResponse) => void)[] = [];
  return {
    answer: (response) => {
      const resolve = waiting.shift();
      if (resolve) resolve(response);
      else arrived.push(response);
    },
    next: async () => arrived.shift() ?? new Promise<ServerResponse>((resolve) => waiting.push(resolve)),
  };
}

/** One server-sent event of a chat completion. */
export function chunk(delta: object, finishReason: string | null = null, more: object = {}): string {
  const choices = [{ index: 0, delta, finish_reason: finishReason }];
  return event({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'test-model',
    choices,
    ...more,
  });
}

export function event(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

export const done = 'data: [DONE]\n\n';

/** A whole stream at once, in the pieces given. */
export function eventStream(pieces: readonly (string | Buffer)[], headers: OutgoingHttpHeaders = {}): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
    for (const piece of pieces) response.write(piece);
    response.end();
  };
}
