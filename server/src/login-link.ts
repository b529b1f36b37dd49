import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { loginCodeOutputSchema } from '@omniroute/shared/auth';
import { request } from 'undici';
import { parseConfig, readEnv } from './config.ts';
import { readServiceInfo } from './database/service-lock.ts';
import { StartupError } from './startup-error.ts';

/** Asks the running service for a fresh login link. */
async function loginLink(): Promise<string> {
  const config = parseConfig(readEnv());
  const dataDir = await realpath(config.dataDir).catch(() => config.dataDir);
  const info = await readServiceInfo(dataDir);
  if (info === null) throw notRunning(dataDir);
  const token = config.authToken ?? (await readFile(join(dataDir, 'auth-token'), 'utf8')).trim();
  const { statusCode, body } = await request(`http://127.0.0.1:${info.port}/api/auth/login-code`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  }).catch((cause: unknown) => {
    throw notRunning(dataDir, cause);
  });
  if (statusCode === 401) {
    throw new StartupError(
      'The service uses another management token: set OMNIROUTE_AUTH_TOKEN to the one that it was started with.',
    );
  }
  if (statusCode !== 200) throw new StartupError(`The service answered ${statusCode}. Its log says why.`);
  return loginCodeOutputSchema.parse(await body.json()).url;
}

function notRunning(dataDir: string, cause?: unknown): StartupError {
  return new StartupError(
    `No service is running on ${dataDir}: start it with \`npx -y pnpm@12 start\`, or set OMNIROUTE_DATA_DIR to its data directory.`,
    { cause },
  );
}

try {
  process.stdout.write(`${await loginLink()}\n`);
} catch (error) {
  if (!(error instanceof StartupError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
