import { readFile, writeFile } from 'node:fs/promises';
import { errorCode } from '../errors.ts';

/** What is in `file`; where there is none, or it is blank, what `create` makes (0600). Any other failure rejects. */
export async function readSecretFile(file: string, create: () => Buffer): Promise<Buffer> {
  const made = create();
  try {
    await writeFile(file, made, { mode: 0o600, flag: 'wx' });
    return made;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  const stored = await readFile(file);
  if (stored.some((byte) => byte > 0x20)) return stored;
  await writeFile(file, made, { mode: 0o600 });
  return made;
}
