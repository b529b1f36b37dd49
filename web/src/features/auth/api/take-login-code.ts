/**
 * Takes the one-time code out of `#code=…` and clears the fragment at once, so that the code stays neither in the
 * address bar nor in the history. The returned function gives the code to its first caller only.
 */
export function takeLoginCode(page: Window): () => string | null {
  const code = new URLSearchParams(page.location.hash.slice(1)).get('code');
  if (code !== null) page.history.replaceState(null, '', `${page.location.pathname}${page.location.search}`);
  // A second link pasted into the same tab changes only the fragment, which loads nothing by itself.
  page.addEventListener('hashchange', () => {
    if (page.location.hash.startsWith('#code=')) page.location.reload();
  });

  let untaken = code;
  return () => {
    const taken = untaken;
    untaken = null;
    return taken;
  };
}
