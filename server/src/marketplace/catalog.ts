import type { CatalogEntry, CatalogListInput, CatalogListOutput } from '@omniroute/shared/marketplace';
import { readSeedCatalog } from './seed-catalog.ts';

interface Options {
  /** The folder of the bundled plugins. */
  seedDir: string;
  /** The registry that the operator has set, if any. */
  registryUrl: () => Promise<string | null>;
}

/** The plugins that an operator can choose from. */
export class Catalog {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Never fails for a bad registry: the seed catalog answers then, with a warning. */
  async list({ q, tag, sort, limit, offset }: CatalogListInput): Promise<CatalogListOutput> {
    const entries = await readSeedCatalog(this.#options.seedDir);
    const found = entries.filter((entry) => matches(entry, q, tag)).toSorted((a, b) => compare(a, b, sort));
    const page = {
      plugins: found.slice(offset, offset + limit),
      total: found.length,
      source: 'seed' as const,
    };
    if ((await this.#options.registryUrl()) === null) return page;
    const message = 'This version does not fetch a registry yet: these are the bundled plugins.';
    return { ...page, warning: { code: 'FETCH_FAILED', message } };
  }
}

function matches(entry: CatalogEntry, q: string | undefined, tag: string | undefined): boolean {
  const words = q?.toLowerCase().trim() ?? '';
  const text = [entry.name, entry.description, entry.author, ...entry.tags].join('\n').toLowerCase();
  return text.includes(words) && (tag === undefined || tag === '' || entry.tags.includes(tag));
}

function compare(a: CatalogEntry, b: CatalogEntry, sort: CatalogListInput['sort']): number {
  const byName = a.name < b.name ? -1 : 1;
  if (sort === 'updated') return b.lastUpdated.localeCompare(a.lastUpdated) || byName;
  if (sort === 'downloads') return b.downloads - a.downloads || byName;
  if (sort === 'rating') return b.rating - a.rating || byName;
  return byName;
}
