import type { Readable } from 'node:stream';
import { LineSplitter } from './line-splitter.ts';
import { RateLimit } from './rate-limit.ts';

/** More than this per second is dropped. */
const maxBytesPerSecond = 256 * 1024;
const maxLinesPerSecond = 1_000;
/** More than this per second is not even read: the plugin waits until its pipe is emptied. */
const maxReadBytesPerSecond = 8 * 1024 * 1024;
/** Between two reads of what is dropped: small writes gather in the pipe meanwhile. */
const droppingPauseMs = 5;

interface Options {
  maxLineLength: number;
  monotonicMs: () => number;
  onLine: (text: string) => void;
  /** So many bytes or lines were dropped; once a second at most for each. */
  onDropped: (count: number, unit: 'bytes' | 'lines') => void;
  /** All has been read. */
  onEnd: () => void;
}

/** Reads a pipe of a plugin's process to its end, line by line, at a rate that costs the service little. */
export function captureLines(stream: Readable, options: Options): void {
  const { maxLineLength, monotonicMs, onLine, onDropped, onEnd } = options;
  const byteLimit = new RateLimit(maxBytesPerSecond, monotonicMs, (count) => onDropped(count, 'bytes'));
  const lineLimit = new RateLimit(maxLinesPerSecond, monotonicMs, (count) => onDropped(count, 'lines'));
  const readLimit = new RateLimit(maxReadBytesPerSecond, monotonicMs, () => {});
  const decoder = new TextDecoder();
  let isDropping = false;
  const lines = new LineSplitter(maxLineLength, (text) => {
    if (lineLimit.take(1) === 1) onLine(text);
    else isDropping = true;
  });
  stream.on('data', (chunk: Buffer) => {
    const taken = byteLimit.take(chunk.length);
    isDropping = taken < chunk.length;
    lines.push(decoder.decode(chunk.subarray(0, taken), { stream: true }));
    if (readLimit.take(chunk.length) < chunk.length) pause(stream, 1_000 - (monotonicMs() % 1_000));
    else if (isDropping) pause(stream, droppingPauseMs);
  });
  stream.on('end', () => {
    lines.end();
    byteLimit.report();
    lineLimit.report();
    onEnd();
  });
}

function pause(stream: Readable, ms: number): void {
  stream.pause();
  setTimeout(() => stream.resume(), ms).unref();
}
