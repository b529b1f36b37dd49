import { findSandboxTools } from '@omniroute/server/plugin-process/layers/find-tools';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { withoutBubblewrap } from '../helpers/sandbox-tools.ts';
import { startService } from '../helpers/service.ts';

const plugin = 'appends-to-message';
let browser: Awaited<ReturnType<typeof launchBrowser>>;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser[Symbol.asyncDispose]());

test('the level, what it means and what remains are on the page, and change when the machine is checked again', async () => {
  let findTools = withoutBubblewrap;
  await using service = await startService({ findSandboxTools: () => findTools() });
  await service.add(plugin);
  const { page, problems } = await browser.newPage();
  await page.goto(service.loginUrl);
  await page.getByRole('link', { name: plugin }).click();
  const isolation = page.getByRole('region', { name: 'Isolation' });
  await isolation.getByText('Level 2 of 3: Node permissions only').waitFor();
  expect(await isolation.innerText()).toMatch(
    /stops mistakes, not hostile code[^]*bubblewrap is not installed/,
  );

  findTools = findSandboxTools;
  await isolation.getByRole('button', { name: 'Check again' }).click();
  await page.getByText('Checked: level 3 of 3, confined by the kernel.').waitFor();
  await isolation.getByText('It was started before this machine could do more to confine it').waitFor();
  await page.getByRole('button', { name: `More for ${plugin}` }).click();
  await page.getByRole('menuitem', { name: 'Restart' }).click();
  await isolation.getByText('Level 3 of 3: Confined by the kernel').waitFor();
  expect(await isolation.innerText()).not.toContain('bubblewrap');
  expect(problems).toEqual([]);
});
