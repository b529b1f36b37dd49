import { fileURLToPath } from 'node:url';

/** The path of a folder of `tests/fixtures/plugins`: one behaviour each. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/plugins/${name}`, import.meta.url));
}
