import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { addFetcher, fetchAll, startServiceBeside } from '../helpers/plugin-fetches.ts';
import { startService } from '../helpers/service.ts';
import { bytes, startUpstream } from '../helpers/upstream.ts';

let browser: Awaited<ReturnType<typeof launchBrowser>>;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser[Symbol.asyncDispose]());

test("a plugin's page shows what it asked for, and whom", async () => {
  await using upstream = await startUpstream(bytes(200, 'x'.repeat(2_000)));
  await using service = await startServiceBeside(upstream);
  const host = `127.0.0.1:${upstream.port}`;
  await addFetcher(service, [host]);
  const { page, problems } = await browser.newPage();
  await page.goto(service.loginUrl);
  await page.getByRole('link', { name: 'fetches-as-told' }).click();
  const panel = page.getByRole('region', { name: 'Network' });
  await panel.getByText('It has not asked for anything').waitFor();

  await fetchAll(service, [{ url: `http://${host}/` }, { url: 'https://elsewhere.example.com/' }]);
  // The facts of a running plugin are read again every few seconds.
  await panel.getByText('2 requests, 1 failed; 0 KiB sent, 2 KiB received.').waitFor();
  const rows = panel.getByRole('listitem');
  expect(await rows.filter({ hasText: host }).innerText()).toMatch(/1 request, 0 failed, last /);
  expect(await rows.filter({ hasText: 'elsewhere.example.com' }).innerText()).toMatch(
    /1 request, 1 failed, last .*HOST_NOT_LISTED/,
  );
  expect(problems).toEqual([]);
});

test('the page of a plugin without the permission says nothing of the network', async () => {
  await using service = await startService();
  await service.add('appends-to-message');
  const { page } = await browser.newPage();
  await page.goto(service.loginUrl);
  await page.getByRole('link', { name: 'appends-to-message' }).click();
  await page.getByRole('region', { name: 'Facts' }).waitFor();
  expect(await page.getByRole('region', { name: 'Network' }).count()).toBe(0);
});
