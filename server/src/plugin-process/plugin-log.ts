import type { Readable } from 'node:stream';
import { type LogLine, logLineSchema } from '@omniroute/shared/plugin';
import type { Logger } from '../logger.ts';
import type { Runtime } from '../runtime.ts';
import { captureLines } from './capture-lines.ts';
import { LogFile } from './log-file.ts';
import { RateLimit } from './rate-limit.ts';

type LogStream = LogLine['stream'];

const maxLineLength = 8_000;
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
  readonly #file: LogFile;
  readonly #hostLimit: RateLimit;

  constructor(options: Options) {
    this.#options = options;
    const monotonicMs = () => options.runtime.monotonicMs();
    this.#file = new LogFile({
      file: options.file,
      monotonicMs,
      logger: options.logger,
      onLost: (count) =>
        this.#append('host', `${count} lines of this log were lost: the disk was full or too slow`),
    });
    this.#hostLimit = new RateLimit(maxHostLinesPerSecond, monotonicMs, (count) =>
      this.#append('host', `${count} lines of the service about this plugin were dropped`),
    );
  }

  write(stream: LogStream, text: string): void {
    if (stream !== 'host' || this.#hostLimit.take(1) === 1) this.#append(stream, text);
  }

  #append(stream: LogStream, text: string): void {
    const line = { time: this.#options.runtime.now().toISOString(), stream, text: printable(text) };
    this.#file.append(`${line.time} ${line.stream} ${line.text}\n`);
    this.#options.onLine(line);
  }

  /**
   * Reads `stream` to its end, line by line.
   *
   * @param onDropped hears of what the log did not take, once a second at most
   */
  capture(name: 'stdout' | 'stderr', stream: Readable, onDropped: (message: string) => void): void {
    captureLines(stream, {
      maxLineLength,
      monotonicMs: () => this.#options.runtime.monotonicMs(),
      onLine: (text) => this.write(name, text),
      onDropped: (count, unit) =>
        onDropped(`${count} ${unit} of ${name} were dropped: the plugin writes faster than its log takes`),
      onEnd: () => this.#hostLimit.report(),
    });
    stream.on('error', (error) => this.#options.logger.debug({ err: error }, 'plugin-log.read-failed'));
  }

  /** The newest `count` lines, oldest first. */
  async tail(count: number): Promise<LogLine[]> {
    const lines = (await this.#file.read()).split('\n').filter((line) => line !== '');
    return lines.slice(-count).flatMap(parseLine);
  }

  /** Deletes the files, after what is being written. */
  remove(): Promise<void> {
    return this.#file.remove();
  }

  settled(): Promise<void> {
    return this.#file.settled();
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
