import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { z } from 'zod';

declare module 'vitest' {
  interface ProvidedContext {
    chromium: { executablePath: string; env: Record<string, string> };
  }
}

/** Finds or unpacks the browser once, before any worker starts: workers that unpack it themselves fail with ETXTBSY. */
export default async function setup(project: TestProject) {
  project.provide('chromium', await findChromium());
}

async function findChromium() {
  const chosen = process.env['CHROMIUM_PATH'];
  if (chosen !== undefined) return { executablePath: chosen, env: {} };
  if (existsSync('/usr/bin/chromium')) return { executablePath: '/usr/bin/chromium', env: {} };
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error('The browser tests need Chromium: install it and set CHROMIUM_PATH to its executable.');
  }
  const directory = await unpackChromium();
  return {
    executablePath: path.join(directory, 'chromium'),
    env: {
      LD_LIBRARY_PATH: path.join(directory, 'al2023', 'lib'),
      FONTCONFIG_FILE: path.join(directory, 'fonts', 'fonts.conf'),
    },
  };
}

/** Unpacks the bundled Chromium with the libraries and the font it needs, so that no system package is required. */
async function unpackChromium() {
  const manifestPath = findPackageJSON('@sparticuz/chromium', import.meta.url);
  if (manifestPath === undefined) throw new Error('@sparticuz/chromium is not installed.');
  const manifest: unknown = JSON.parse(await readFile(manifestPath, 'utf8'));
  const { version } = z.object({ version: z.string() }).parse(manifest);
  const directory = fileURLToPath(new URL(`../../node_modules/.cache/chromium-${version}`, import.meta.url));
  if (existsSync(directory)) return directory;

  const partial = `${directory}.${process.pid}`;
  await mkdir(partial, { recursive: true });
  const temporary = process.env['TMPDIR'];
  process.env['TMPDIR'] = partial;
  try {
    const { default: chromium, inflate } = await import('@sparticuz/chromium');
    await chromium.executablePath();
    await inflate(path.join(path.dirname(manifestPath), 'bin', 'al2023.tar.br'));
  } finally {
    if (temporary === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = temporary;
  }
  await writeFile(path.join(partial, 'fonts', 'fonts.conf'), fontConfig(path.join(directory, 'fonts')));
  await rename(partial, directory).catch(async (error: unknown) => {
    await rm(partial, { recursive: true });
    if (!existsSync(directory)) throw error;
  });
  return directory;
}

function fontConfig(directory: string) {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>${directory}</dir>
  <cachedir>${path.join(directory, 'cache')}</cachedir>
</fontconfig>
`;
}
