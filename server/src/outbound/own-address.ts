import { networkInterfaces } from 'node:os';
import { canonicalAddress, isSameAddress } from './same-address.ts';

/** Whether an IP address leads to this machine: loopback, unspecified, or one of its interfaces. */
export function isOwnAddress(text: string): boolean {
  const address = canonicalAddress(text);
  if (!address) return false;
  const { family, value } = address;
  if (family === 4 ? value >> 24n === 127n || value === 0n : value <= 1n) return true;
  const own = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses);
  return own.some((one) => isSameAddress(one.address, text));
}
