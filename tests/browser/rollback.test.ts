import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { act, install } from '../helpers/plugin-calls.ts';
import { writePackage } from '../helpers/plugin-package.ts';
import { startService } from '../helpers/service.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

let browser: Awaited<ReturnType<typeof launchBrowser>>;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser[Symbol.asyncDispose]());

test('an operator rolls an upgrade back, and the page says so from then on', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  const version = (number: string) =>
    writePackage(
      join(folder.path, number),
      { name: 'grows', version: number, hooks: { onRequest: true } },
      { 'index.js': 'export const onRequest = () => {};' },
    );
  await install(service, await version('1.0.0'));
  await act(service, 'grows', 'activate');
  await install(service, await version('2.0.0'));

  const { page, problems } = await browser.newPage();
  await page.goto(service.loginUrl);
  await page.getByRole('link', { name: 'grows' }).click();
  await page.getByRole('button', { name: 'More for grows' }).click();
  await page.getByRole('menuitem', { name: 'Roll back to 1.0.0…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
  await page
    .getByText(/Back at 1\.0\.0: 2\.0\.0 was rolled back .* because the operator asked for it/)
    .waitFor();
  await service.until(async () => {
    const { version, status } = await service.plugin('grows');
    return version === '1.0.0' && status === 'active';
  });

  await page.getByRole('button', { name: 'More for grows' }).click();
  await page.getByRole('menuitem', { name: 'Uninstall…' }).waitFor();
  expect(await page.getByRole('menuitem', { name: /Roll back/ }).count()).toBe(0);
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Installed plugins' }).click();
  await page
    .getByRole('listitem', { name: 'grows' })
    .getByText(/Back at 1\.0\.0/)
    .waitFor();
  expect(problems).toEqual([]);
});

test('a rollback that fails keeps the dialog, with the reason', async () => {
  await using service = await startService();
  await using folder = await temporaryFolder();
  const version = (number: string, source: string) =>
    writePackage(
      join(folder.path, number),
      {
        name: 'grows',
        version: number,
        hooks: { onActivate: true },
        requires: { permissions: ['file-write'] },
      },
      {
        'index.js': `import { existsSync, writeFileSync } from 'node:fs'; import { join } from 'node:path';
          const mark = join(process.env.PLUGIN_DATA_DIR, 'migrated');
          export function onActivate() { ${source} }`,
      },
    );
  const refuse = `if (existsSync(mark)) throw new Error('data too new');`;
  await install(service, await version('1.0.0', refuse));
  await act(service, 'grows', 'activate');
  await install(service, await version('2.0.0', `writeFileSync(mark, '');`));

  const { page } = await browser.newPage();
  await page.goto(service.loginUrl);
  await page.getByRole('link', { name: 'grows' }).click();
  await page.getByRole('button', { name: 'More for grows' }).click();
  await page.getByRole('menuitem', { name: 'Roll back to 1.0.0…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Roll back' }).click();
  await dialog.getByText(/data too new.*2\.0\.0 is back as it was/).waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'hidden' });
  expect(await service.plugin('grows')).toMatchObject({ version: '2.0.0', status: 'active' });
});
