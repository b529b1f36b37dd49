const loopbackNames =
  /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}\]|0\.0\.0\.0|\[::\])$/;

/** Whether an http(s) URL leads to this machine's `port` by a loopback name or address. */
export function pointsAtPort(text: string, port: number): boolean {
  const url = URL.parse(text);
  if (url === null) return false;
  const urlPort = url.port === '' ? { 'http:': 80, 'https:': 443 }[url.protocol] : Number(url.port);
  return urlPort === port && loopbackNames.test(url.hostname.replace(/\.$/, ''));
}
