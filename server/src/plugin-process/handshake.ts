import type { HookName } from '@omniroute/shared/hook';
import type { Channel } from './channel.ts';
import { frameTypes, protocolVersion } from './child/protocol.js';
import { HookCallError } from './hook-call-error.ts';
import { failureSchema, readySchema } from './messages.ts';
import type { PluginLog } from './plugin-log.ts';
import { parseHead } from './read-frame.ts';

export interface HandshakeOptions {
  name: string;
  version: string;
  /** Absolute path of the entry file. */
  entry: string;
  /** The hooks that the manifest enables: the module must export each one. */
  hooks: readonly HookName[];
  manifestJson: string;
  /** The effective config as JSON. */
  configJson: string;
  dataDir: string | undefined;
  /** Whether its `fetch` is made by the service; otherwise it says that it lacks the permission. */
  network: boolean;
  /** The plugin's folder. */
  cwd: string;
  log: PluginLog;
  handshakeTimeoutMs: number;
  /** Aborts when the service stops. */
  signal: AbortSignal;
}

/**
 * Tells the process what it is and awaits that it has loaded the module, and exports every declared hook.
 *
 * @throws {Error} with what the author must mend, {@link HookCallError} or {@link ProtocolFault} where it did not answer
 */
export async function handshake(channel: Channel, options: HandshakeOptions): Promise<void> {
  const { name, version, entry, hooks, manifestJson, configJson, dataDir, network, log, cwd } = options;
  const { handshakeTimeoutMs: timeoutMs, signal } = options;
  const frame = await channel
    .request({
      type: frameTypes.hello,
      head: { protocol: protocolVersion, name, version, entry, hooks, dataDir, network },
      parts: [Buffer.from(manifestJson, 'utf8'), Buffer.from(configJson, 'utf8')],
      timeoutMs,
      signal,
      onAbandoned: () => {},
    })
    .catch((error: unknown) => {
      if (!(error instanceof HookCallError) || error.failure !== 'TIMEOUT') throw error;
      throw new Error(`it did not finish loading within ${timeoutMs / 1_000} s`, { cause: error });
    });
  if (frame.type === frameTypes.loadFailed) {
    const failure = parseHead(failureSchema, frame.head);
    const where = ownLines(failure.stack, cwd);
    log.write('host', `loading failed: ${failure.message}`);
    for (const line of where) log.write('stderr', line);
    throw new Error([`it failed to load: ${failure.message}`, ...where].join('\n'));
  }
  const ready = parseHead(readySchema, frame.type === frameTypes.ready ? frame.head : null);
  const loaded = new Set<string>(ready.hooks);
  const missing = hooks.filter((hook) => ready.missing.includes(hook) || !loaded.has(hook));
  if (missing.length === 0) return;
  throw new Error(`plugin.json declares hooks that the entry file does not export: ${missing.join(', ')}`);
}

/** The lines of a stack that name a file of the plugin's, and what is no frame, such as code that the error shows. */
function ownLines(stack: string, dir: string): string[] {
  const lines = stack.split('\n').filter((line) => line.trim() !== '');
  const own = lines.filter((line) => (/^\s+at /.test(line) ? line.includes(dir) : !/^\w*Error: /.test(line)));
  return own.slice(0, 6);
}
