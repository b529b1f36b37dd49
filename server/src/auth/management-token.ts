import { join } from 'node:path';
import { newSecret } from './secret.ts';
import { readSecretFile } from './secret-file.ts';

/** The token in `<data>/auth-token`, created at the first start. */
export async function readManagementToken(dataDir: string): Promise<string> {
  const bytes = await readSecretFile(join(dataDir, 'auth-token'), () => Buffer.from(`${newSecret()}\n`));
  return bytes.toString('utf8').trim();
}
