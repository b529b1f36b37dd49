import { type BrowserContextOptions, chromium } from 'playwright-core';
import { inject } from 'vitest';

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * A Chromium of its own: `await using browser = await launchBrowser()`.
 * Each page gets a fresh profile and records what the page itself reports as broken.
 */
export async function launchBrowser() {
  const { executablePath, env } = inject('chromium');
  const browser = await chromium.launch({ executablePath, args, env: { ...definedEnv(), ...env } });
  return {
    async newPage(options: BrowserContextOptions = {}) {
      const context = await browser.newContext(options);
      const page = await context.newPage();
      const problems: string[] = [];
      page.on('pageerror', (error) => problems.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error') problems.push(message.text());
      });
      return { page, problems };
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

function definedEnv() {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
