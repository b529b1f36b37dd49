/** The nonce of this page's Content-Security-Policy, which every style element that a script adds must carry. */
export function cspNonce(): string {
  return document.querySelector('meta[name="csp-nonce"]')?.getAttribute('content') ?? '';
}
