// The Fetch standard's lists. https://fetch.spec.whatwg.org/#forbidden-request-header, #forbidden-method, #port-blocking

const forbiddenHeaders = new Set([
  'accept-charset',
  'accept-encoding',
  'access-control-request-headers',
  'access-control-request-method',
  'connection',
  'content-length',
  'cookie',
  'cookie2',
  'date',
  'dnt',
  'expect',
  'host',
  'keep-alive',
  'origin',
  'referer',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
]);

const methodOverrides = new Set(['x-http-method', 'x-http-method-override', 'x-method-override']);

const forbiddenMethods = new Set(['CONNECT', 'TRACE', 'TRACK']);

const normalizedMethods = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT']);

const blockedPorts = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
  109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
  526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
  3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

/** Whether callers of fetch may not set a header. `name` is in lower case. */
export function isForbiddenHeader(name: string, value: string): boolean {
  if (forbiddenHeaders.has(name) || name.startsWith('proxy-') || name.startsWith('sec-')) return true;
  return methodOverrides.has(name) && value.split(',').some((method) => isForbiddenMethod(method.trim()));
}

export function isForbiddenMethod(method: string): boolean {
  return forbiddenMethods.has(method.toUpperCase());
}

/** The method as fetch sends it: in upper case where that is one of the usual ones. */
export function normalizeMethod(method: string): string {
  const upper = method.toUpperCase();
  return normalizedMethods.has(upper) ? upper : method;
}

export function isBlockedPort(port: number): boolean {
  return blockedPorts.has(port);
}
