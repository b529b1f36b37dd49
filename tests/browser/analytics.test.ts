import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { addVariant } from '../helpers/plugin-variant.ts';
import { type Service, startService } from '../helpers/service.ts';

let browser: Awaited<ReturnType<typeof launchBrowser>>;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser[Symbol.asyncDispose]());

const rowOf = (page: Page, name: string) => page.getByRole('listitem', { name, exact: true });

async function open(service: Service) {
  const { page, problems } = await browser.newPage();
  await page.goto(service.loginUrl);
  await page.getByRole('heading', { name: 'Installed plugins' }).waitFor();
  return { page, problems };
}

test('the list shows calls, errors and p95 of each plugin, and what failures came to, as they happen', async () => {
  await using service = await startService();
  await service.add('does-as-told');
  const { page, problems } = await open(service);
  const row = rowOf(page, 'does-as-told');
  await row.getByText('No calls in the last hour').waitFor();

  for (let times = 0; times < 3; times += 1) await service.chat();
  await service.chat({ headers: { 'x-on-request': 'throw' } });
  await row.getByText('1 passed without it').waitFor();
  const figures = await row.locator('dl').innerText();
  expect(figures.split(/\s*\n\s*/)).toEqual([
    'Calls, last hour',
    '8',
    'Errors',
    '1',
    'p95',
    expect.stringMatching(/^(< )?\d+(\.\d)? m?s$/),
  ]);
  expect(problems).toEqual([]);
});

test('a plugin’s page shows its hooks’ figures, the totals, and its newest failures with their reasons', async () => {
  await using service = await startService();
  await addVariant(service, 'does-as-told', { hooks: { onRequest: { failure: 'closed' } } });
  const { page, problems } = await open(service);
  await page.getByRole('link', { name: 'does-as-told' }).click();
  const panel = page.getByRole('region', { name: 'Calls', exact: true });
  await panel.getByText('None of its hooks has been called yet.').waitFor();

  await service.chat();
  await service.chat({ headers: { 'x-on-request': 'misreturn' } });
  await service.chat({ headers: { 'x-on-request': 'block' } });
  const hour = panel.getByLabel('Calls in the last hour').getByRole('row').nth(1).getByRole('cell');
  await hour.nth(1).getByText('3', { exact: true }).waitFor();
  expect((await hour.allInnerTexts()).slice(0, 7)).toEqual(['onRequest', '3', '1', '0', '1', '0', '1']);
  const total = panel.getByLabel('Calls since it was installed').getByRole('row').nth(1).getByRole('cell');
  expect((await total.allInnerTexts()).slice(0, 3)).toEqual(['onRequest', '3', '1']);
  await panel
    .getByRole('list', { name: 'Newest failures' })
    .getByText(/^INVALID_RETURN: .*not string/)
    .waitFor();
  expect(problems).toEqual([]);
});
