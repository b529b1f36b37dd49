import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface OpenSocket extends Disposable {
  socket: Socket;
  text(): string;
  /** Resolves once the text that has arrived matches. */
  reads(pattern: RegExp): Promise<void>;
  /** Resolves with all that has arrived once the server has closed the connection. */
  closed: Promise<string>;
  isClosed(): boolean;
}

/** A connection on which a test says what it likes, when it likes. */
export async function openSocket(port: number, firstBytes = ''): Promise<OpenSocket> {
  const socket = connect({ port, host: '127.0.0.1' }).setEncoding('latin1');
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => (text += String(chunk)));
  const { promise: closed, resolve } = Promise.withResolvers<string>();
  socket.once('close', () => resolve(text));
  await once(socket, 'connect');
  if (firstBytes !== '') socket.write(firstBytes, 'latin1');
  return {
    socket,
    text: () => text,
    reads: async (pattern) => {
      while (!pattern.test(text)) await once(socket, 'data');
    },
    closed,
    isClosed: () => socket.destroyed,
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** Sends one character after the other, `everyMs` apart, until the server closes the connection. */
export async function drip(open: OpenSocket, characters: string, everyMs: number): Promise<string> {
  let sent = 0;
  const timer = setInterval(() => {
    open.socket.write(characters[sent % characters.length] ?? '');
    sent += 1;
  }, everyMs);
  try {
    return await open.closed;
  } finally {
    clearInterval(timer);
  }
}
