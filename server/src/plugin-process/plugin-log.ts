import { appendFile, readFile, rename, rm, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { type LogLine, logLineSchema } from '@omniroute/shared/plugin';
import type { Logger } from '../logger.ts';
import type { Runtime } from '../runtime.ts';
import { LineSplitter } from './line-splitter.ts';
import { RateLimit } from './rate-limit.ts';
import { errorCode } from '../errors.ts';

type LogStream = LogLine['stream'];

const maxLineLength = 8_000;
const maxFileBytes = 2 * 1024 * 1024;
/** More than this per second of one stream is dropped, and the log says how much. */
const maxBytesPerSecond = 256 * 1024;
const maxLinesPerSecond = 1_000;
const maxHostLinesPerSecond = 500;

interface Options {
  file: string;
  runtime: Runtime;
  logger: Logger;
  onLine: (line: LogLine) => void;
}

/**
 * What one plugin wrote to stdout and stderr, and what the service says about it: one line each,
 * `<time> <stream> <text>`, control characters made visible. Two files of 2 MiB are kept.
 */
export class PluginLog {
  readonly #options: Options;
  #queue: Promise<void> = Promise.resolve();
  #waiting: string[] = [];
  readonly #hostLimit: RateLimit;

  constructor(options: Options) {
    this.#options = options;
    this.#hostLimit = new RateLimit(
      maxHostLinesPerSecond,
      () => options.runtime.monotonicMs(),
      (count) => this.#append('host', `${count} lines of the service about this plugin were dropped`),
    );
  }

  write(stream: LogStream, text: string): void {
    if (stream !== 'host' || this.#hostLimit.take(1) === 1) this.#append(stream, text);
  }

  #append(stream: LogStream, text: string): void {
    const line = { time: this.#options.runtime.now().toISOString(), stream, text: printable(text) };
    this.#waiting.push(`${line.time} ${line.stream} ${line.text}\n`);
    if (this.#waiting.length === 1) this.#queue = this.#queue.then(() => this.#flush());
    this.#options.onLine(line);
  }

  /** Reads `stream` to its end, line by line. */
  capture(name: 'stdout' | 'stderr', stream: Readable): void {
    const nowMs = () => this.#options.runtime.monotonicMs();
    const dropped = (unit: string) => (count: number) =>
      this.#append(
        'host',
        `${count} ${unit} of ${name} were dropped: the plugin writes faster than its log takes`,
      );
    const byteLimit = new RateLimit(maxBytesPerSecond, nowMs, dropped('bytes'));
    const lineLimit = new RateLimit(maxLinesPerSecond, nowMs, dropped('lines'));
    const lines = new LineSplitter(maxLineLength, (text) => {
      if (lineLimit.take(1) === 1) this.write(name, text);
    });
    const decoder = new TextDecoder();
    stream.on('data', (chunk: Buffer) => {
      const taken = byteLimit.take(chunk.length);
      lines.push(decoder.decode(chunk.subarray(0, taken), { stream: true }));
    });
    stream.on('end', () => {
      lines.end();
      byteLimit.report();
      lineLimit.report();
      this.#hostLimit.report();
    });
    stream.on('error', (error) => this.#options.logger.debug({ err: error }, 'plugin-log.read-failed'));
  }

  /** The newest `count` lines, oldest first. */
  async tail(count: number): Promise<LogLine[]> {
    await this.#queue;
    const texts = await Promise.all([readText(`${this.#options.file}.1`), readText(this.#options.file)]);
    const lines = texts
      .join('')
      .split('\n')
      .filter((line) => line !== '');
    return lines.slice(-count).flatMap(parseLine);
  }

  /** Deletes the files, after what is being written. */
  async remove(): Promise<void> {
    await this.#queue;
    await rm(this.#options.file, { force: true });
    await rm(`${this.#options.file}.1`, { force: true });
  }

  async settled(): Promise<void> {
    await this.#queue;
  }

  async #flush(): Promise<void> {
    const text = this.#waiting.join('');
    this.#waiting = [];
    try {
      await this.#rotate();
      await appendFile(this.#options.file, text, { mode: 0o600 });
    } catch (error) {
      this.#options.logger.error({ err: error }, 'plugin-log.write-failed');
    }
  }

  async #rotate(): Promise<void> {
    const size = (await stat(this.#options.file).catch(() => null))?.size ?? 0;
    if (size >= maxFileBytes) await rename(this.#options.file, `${this.#options.file}.1`);
  }
}

/** One line of text with control, bidi and line-separator characters written as escapes. */
function printable(text: string): string {
  const line = text.endsWith('\r') ? text.slice(0, -1) : text;
  const cut =
    line.length > maxLineLength ? `${line.slice(0, maxLineLength)}… (${line.length} characters)` : line;
  return cut.replaceAll(/[^\P{C}\t]|[\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

function parseLine(line: string): LogLine[] {
  const [time = '', stream = ''] = line.split(' ', 2);
  const parsed = logLineSchema.safeParse({ time, stream, text: line.slice(time.length + stream.length + 2) });
  return parsed.success ? [parsed.data] : [];
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return '';
    throw error;
  }
}
