import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newSecret } from './secret.ts';

/** The token in `<data>/auth-token`, created (0600) at the first start. */
export async function readManagementToken(dataDir: string): Promise<string> {
  const file = join(dataDir, 'auth-token');
  const token = newSecret();
  try {
    await writeFile(file, `${token}\n`, { mode: 0o600, flag: 'wx' });
    return token;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const stored = (await readFile(file, 'utf8')).trim();
  if (stored !== '') return stored;
  await writeFile(file, `${token}\n`, { mode: 0o600 });
  return token;
}
