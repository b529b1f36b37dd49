import { addressBlockReasons, judgeAddress } from './address-verdict.ts';
import { parseIpAddress } from './ip-address.ts';
import { nameBlockReason, nameBlockReasons } from './name-verdict.ts';

export const urlBlockReasons = [
  'NOT_A_URL',
  'NOT_HTTP',
  'CREDENTIALS',
  'PORT_ZERO',
  'TOO_LONG',
  ...nameBlockReasons,
  ...addressBlockReasons,
] as const;
export type UrlBlockReason = (typeof urlBlockReasons)[number];

export type UrlVerdict =
  | {
      allowed: true;
      /** What to connect to, and nothing else: without a fragment, and without the dot of an absolute name. */
      url: URL;
      /** The host without brackets. */
      hostname: string;
      /** Whether the host is an address, which has been judged; of a name, every address has to be. */
      isAddress: boolean;
      /** Whether the operator let this host through: its addresses are not judged. */
      isException: boolean;
    }
  | { allowed: false; reason: UrlBlockReason; message: string };

const maxUrlLength = 16_384;

const messages = {
  NOT_A_URL: 'It is no absolute URL.',
  NOT_HTTP: 'Only http and https are allowed.',
  CREDENTIALS: 'A URL with a user name or password is not allowed.',
  PORT_ZERO: 'There is no port 0.',
  TOO_LONG: `A URL has at most ${maxUrlLength} characters.`,
  MALFORMED_NAME: 'The host is no name of the DNS.',
  SINGLE_LABEL: 'A host name without a dot is one of the local network.',
  NOT_A_PUBLIC_NAME: 'The host name belongs to a zone that is not public.',
};

/**
 * Whether a URL may be requested, as far as that can be said without a look-up. The text is parsed once, by the
 * rules of the WHATWG; what was judged is in `url`, so that nothing is parsed again in another way.
 *
 * @param isException tells the hosts that the operator let through, whatever their names and addresses
 */
export function judgeUrl(text: string, isException: (url: URL) => boolean = () => false): UrlVerdict {
  if (text.length > maxUrlLength) return refuse('TOO_LONG');
  const url = URL.parse(text);
  if (!url) return refuse('NOT_A_URL');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return refuse('NOT_HTTP');
  if (url.username !== '' || url.password !== '') return refuse('CREDENTIALS');
  if (url.port === '0') return refuse('PORT_ZERO');
  url.hash = '';
  if (url.hostname.endsWith('.')) {
    const relative = url.hostname.slice(0, -1);
    url.hostname = relative;
    // A host such as 127.0.0.1.. is a name to the parser at first, and an address without one of its dots.
    if (url.hostname !== relative) return refuse('MALFORMED_NAME');
  }
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const isAddress = parseIpAddress(hostname) !== null;
  if (isException(url)) return { allowed: true, url, hostname, isAddress, isException: true };
  if (isAddress) {
    const verdict = judgeAddress(hostname);
    if (!verdict.allowed) return verdict;
  } else {
    const reason = nameBlockReason(hostname);
    if (reason) return refuse(reason);
  }
  return { allowed: true, url, hostname, isAddress, isException: false };
}

function refuse(reason: keyof typeof messages): UrlVerdict {
  return { allowed: false, reason, message: messages[reason] };
}
