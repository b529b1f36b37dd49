import { isLoopbackHost } from '../loopback.ts';

/** Whether an http(s) URL leads to this machine's `port` by a loopback name or address. */
export function pointsAtPort(text: string, port: number): boolean {
  const url = URL.parse(text);
  if (url === null) return false;
  const urlPort = url.port === '' ? { 'http:': 80, 'https:': 443 }[url.protocol] : Number(url.port);
  return urlPort === port && isLoopbackHost(url.hostname);
}
