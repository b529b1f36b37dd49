import { once } from 'node:events';
import { connect, type LookupFunction, type Socket, type TcpNetConnectOpts } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { parseIpAddress } from './ip-address.ts';
import { OutboundError } from './outbound-error.ts';
import type { ResolvedAddress } from './resolve-public.ts';
import { isSameAddress } from './same-address.ts';
import { untilAborted } from './until-aborted.ts';

/** Starts a connection; {@link dialTcp}, in all but tests. `lookup` of the options knows the addresses to try. */
export type Dial = (options: TcpNetConnectOpts) => Socket;

export const dialTcp: Dial = (options) => connect(options);

export interface Target {
  /** Without brackets, and without a trailing dot: it is also the name that a certificate must be for. */
  hostname: string;
  port: number;
  isTls: boolean;
  /** Where to connect to: these and no others. */
  addresses: readonly ResolvedAddress[];
}

/**
 * Opens a connection of its own to one of the addresses that were judged. The name is not looked up again, and what
 * the socket is connected to is compared with what was judged before a byte is sent.
 *
 * @throws {OutboundError} URL_BLOCKED, FETCH_FAILED. The signal's reason, where that aborts.
 */
export async function openConnection(target: Target, dial: Dial, signal: AbortSignal): Promise<Socket> {
  const { hostname, port, addresses } = target;
  const socket = dial({
    host: hostname,
    port,
    lookup: lookupOf(addresses),
    autoSelectFamily: true,
    noDelay: true,
  });
  // Until it has an owner, an error of the socket has nobody else who listens.
  socket.on('error', () => undefined);
  try {
    await settled(socket, 'connect', signal);
    if (!addresses.some(({ address }) => isSameAddress(address, socket.remoteAddress ?? ''))) {
      throw new OutboundError('UNJUDGED_SOCKET', {
        detail: `the socket for ${hostname} is connected to ${socket.remoteAddress}`,
      });
    }
    return target.isTls ? await secure(socket, hostname, signal) : socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function secure(socket: Socket, hostname: string, signal: AbortSignal): Promise<Socket> {
  const secured = connectTls({
    socket,
    host: hostname,
    ...(parseIpAddress(hostname) ? {} : { servername: hostname }),
    ALPNProtocols: ['http/1.1'],
    // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
    rejectUnauthorized: true,
  });
  secured.on('error', () => undefined);
  try {
    await settled(secured, 'secureConnect', signal);
    return secured;
  } catch (error) {
    secured.destroy();
    throw error;
  }
}

async function settled(socket: Socket, event: string, signal: AbortSignal): Promise<void> {
  try {
    await untilAborted(once(socket, event), signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new OutboundError('UNREACHABLE', { cause: error });
  }
}

function lookupOf(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_hostname, options, callback) => {
    const [first] = addresses;
    if (options.all) callback(null, [...addresses]);
    else if (first) callback(null, first.address, first.family);
    else callback(new Error('no address'), '', 0);
  };
}
