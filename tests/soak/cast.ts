import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fixture } from '../helpers/fixture.ts';
import { writePackage } from '../helpers/plugin-package.ts';

/** Who plays in the soak, in the order of their hooks. All are the fixture `signs-its-passing`. */
export const cast = [
  { name: 'watcher', signs: false, refuses: false },
  { name: 'open-guard', signs: true, refuses: false },
  { name: 'closed-guard', signs: true, refuses: true },
  { name: 'crasher', signs: true, refuses: false },
  { name: 'configured', signs: true, refuses: false },
] as const;

export type Player = (typeof cast)[number];
export type PlayerName = Player['name'];

export const versions = ['1.0.0', '2.0.0', '2.1.0'] as const;
export type Version = (typeof versions)[number];

export const defaultWord = 'plain';

/** Writes every version of every player into `dir`. */
export async function writeCast(dir: string): Promise<void> {
  for (const [index, { name, signs, refuses }] of cast.entries()) {
    const timeoutMs = 20_000;
    const mode = signs ? {} : { mode: 'observe' };
    const hook = { priority: (index + 1) * 10, timeoutMs, failure: refuses ? 'closed' : 'open', ...mode };
    const changes = { name, hooks: { onRequest: hook, onResponse: hook, onConfigChange: true } };
    for (const version of versions)
      await writeVersion(packageOf(dir, name, version), { ...changes, version });
  }
}

export function packageOf(dir: string, name: PlayerName, version: Version): string {
  return join(dir, `${name}-${version}`);
}

async function writeVersion(dir: string, changes: object): Promise<void> {
  const source = fixture('signs-its-passing');
  await cp(source, dir, { recursive: true });
  const manifest: object = JSON.parse(await readFile(join(source, 'plugin.json'), 'utf8'));
  await writePackage(dir, { ...manifest, ...changes }, {});
}
