import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { doctorCheckIds } from '@omniroute/shared/doctor';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { type Service, startService } from '../helpers/service.ts';

const plugin = 'appends-to-message';
let browser: Awaited<ReturnType<typeof launchBrowser>>;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser[Symbol.asyncDispose]());

/** Opens the page of the plugin; `requests` are the doctor's own. */
async function openPlugin(service: Service) {
  await service.add(plugin);
  const { page, problems } = await browser.newPage();
  const requests: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('plugins.doctor')) requests.push(request.url());
  });
  await page.goto(service.loginUrl);
  await page.getByRole('link', { name: plugin }).click();
  const doctor = page.getByRole('region', { name: 'Doctor' });
  await doctor.waitFor();
  return { page, doctor, problems, requests };
}

test('the checks run when they are asked for, by keyboard too, and each has its word', async () => {
  await using service = await startService();
  const { page, doctor, problems, requests } = await openPlugin(service);
  await page.getByRole('log').waitFor();
  expect(requests).toEqual([]);

  await doctor.getByRole('button', { name: 'Run checks' }).focus();
  await page.keyboard.press('Enter');
  await doctor.getByRole('status').getByText('All 8 checks pass.').waitFor();
  const rows = doctor.getByRole('list', { name: 'Checks' }).getByRole('listitem');
  expect(await rows.count()).toBe(doctorCheckIds.length);
  for (const row of await rows.all()) expect(await row.innerText()).toMatch(/^Pass\n/);
  expect(requests).toHaveLength(1);
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Run checks');
  expect(problems).toEqual([]);
});

test('what is wrong shows with what to do, until it is mended and looked at again', async () => {
  await using service = await startService();
  const { doctor, problems } = await openPlugin(service);
  const entry = join(service.dataDir, 'plugins', plugin, 'index.js');
  await rename(entry, `${entry}.away`);

  await doctor.getByRole('button', { name: 'Run checks' }).click();
  await doctor.getByText('1 check failed.').waitFor();
  const row = doctor.getByRole('listitem', { name: 'Entry file' });
  expect(await row.innerText()).toMatch(/^Failed\n[^]*index\.js[^]*What to do: Put index\.js back/);

  await rename(`${entry}.away`, entry);
  await service.call('POST', `/api/plugins/${plugin}/restart`);
  await doctor.getByText('the plugin has changed since').waitFor();
  await doctor.getByRole('button', { name: 'Run checks' }).click();
  await doctor.getByText('All 8 checks pass.').waitFor();
  expect(problems).toEqual([]);
});

test('a report that does not come says so, and can be asked for again', async () => {
  await using service = await startService();
  const { page, doctor } = await openPlugin(service);
  const path = '**/trpc/plugins.doctor*';
  await page.route(path, (route) => route.abort());
  await doctor.getByRole('button', { name: 'Run checks' }).click();
  await doctor.getByRole('alert').waitFor();

  await page.unroute(path);
  await doctor.getByRole('button', { name: 'Run checks' }).click();
  await doctor.getByText('All 8 checks pass.').waitFor();
  expect(await doctor.getByRole('alert').count()).toBe(0);
});

test('the page does not grow sideways on a narrow screen', async () => {
  await using service = await startService();
  const { page, doctor } = await openPlugin(service);
  await page.setViewportSize({ width: 360, height: 800 });
  await doctor.getByRole('button', { name: 'Run checks' }).click();
  await doctor.getByText('All 8 checks pass.').waitFor();
  expect(await overflow(page)).toBe(0);
});

function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
