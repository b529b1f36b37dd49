const target = /^\/(?!\/)[A-Za-z0-9._~!$&'()*+,;=:@%/-]*(\?[\x21-\x7e]*)?$/;
const ambiguousEscape = /%(5c|00|2e)/i;

/**
 * Whether a request's raw target can be routed: a path that the guard, the router and a proxy before us would all read alike.
 * No absolute form, no dot segment, no encoded backslash, dot or NUL, no broken escape.
 */
export function isPlainTarget(raw: string): boolean {
  if (!target.test(raw)) return false;
  const [path = ''] = raw.split('?', 1);
  if (ambiguousEscape.test(path) || !decodes(path)) return false;
  return path.split('/').every((segment) => segment !== '.' && segment !== '..');
}

/** A provider's names may hold a slash (`/v1/models/org%2Fmodel`); ours never do. */
export function hasEncodedSlash(raw: string): boolean {
  return /%2f/i.test(raw.split('?', 1).join(''));
}

function decodes(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
