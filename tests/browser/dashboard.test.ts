import type { PluginConfigOutput } from '@omniroute/shared/plugin';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { fixture } from '../helpers/fixture.ts';
import { type Service, startService } from '../helpers/service.ts';

let browser: Awaited<ReturnType<typeof launchBrowser>>;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser[Symbol.asyncDispose]());

test('an operator logs in by link, installs, activates and uninstalls a plugin', async () => {
  await using service = await startService();
  const { page, problems } = await browser.newPage();

  await page.goto(service.loginUrl);
  await page.getByRole('heading', { name: 'No plugin is installed' }).waitFor();
  expect(new URL(page.url()).hash).toBe('');

  await install(page, 'sets-metadata');
  const row = rowOf(page, 'sets-metadata');
  await row.getByText('Not activated').waitFor();

  await page.getByRole('button', { name: 'Activate sets-metadata' }).click();
  await row.getByText('Active, running', { exact: true }).waitFor();
  expect((await service.plugin('sets-metadata')).process.state).toBe('running');

  await uninstall(page, 'sets-metadata');
  await page.getByRole('heading', { name: 'No plugin is installed' }).waitFor();
  expect(await service.plugins()).toEqual([]);
  expect(problems).toEqual([]);
});

test('what others do shows without a reload', async () => {
  await using service = await startService();
  const { page, problems } = await browser.newPage();
  await logIn(page, service);

  await service.add('sets-metadata');
  await rowOf(page, 'sets-metadata').getByText('Active, running', { exact: true }).waitFor();

  await service.call('POST', '/api/plugins/sets-metadata/deactivate');
  await rowOf(page, 'sets-metadata').getByText('Inactive', { exact: true }).waitFor();

  await service.call('DELETE', '/api/plugins/sets-metadata');
  await page.getByRole('heading', { name: 'No plugin is installed' }).waitFor();
  expect(problems).toEqual([]);
});

test('a plugin that crashes counts down to its restart, and runs again', async () => {
  await using service = await startService();
  const { page, problems } = await browser.newPage();
  await logIn(page, service);
  let plugin = await service.add('sets-metadata');
  const row = rowOf(page, 'sets-metadata');
  await row.getByText('Active, running', { exact: true }).waitFor();
  const counting = row.getByText(/^Active, restarting in \d+ s$/).waitFor();
  for (let crash = 0; crash < 4; crash += 1) {
    const { pid } = plugin.process;
    process.kill(pid ?? 0, 'SIGKILL');
    plugin = await service.until(async () => {
      const found = await service.plugin('sets-metadata');
      return found.process.state === 'running' && found.process.pid !== pid && found;
    });
  }
  await counting;
  await row.getByText('Active, running', { exact: true }).waitFor();
  await row.getByRole('link', { name: 'sets-metadata' }).click();
  await page
    .getByText(/the process was ended by SIGKILL/)
    .first()
    .waitFor();
  expect(problems).toEqual([]);
});

test('a plugin that cannot start says why, on its row, until it starts or goes', async () => {
  await using service = await startService();
  const { page, problems } = await browser.newPage();
  await logIn(page, service);
  await service.add('throws-at-load', { activate: false });

  await page.getByRole('button', { name: 'Activate throws-at-load' }).click();
  const row = rowOf(page, 'throws-at-load');
  await row.getByRole('alert').getByText('broken on purpose').first().waitFor();
  await row.getByText('Error', { exact: true }).waitFor();

  await page.reload();
  await row.getByRole('alert').getByText('broken on purpose').first().waitFor();

  await uninstall(page, 'throws-at-load');
  await row.waitFor({ state: 'detached' });
  expect(problems.filter(isNotARefusal)).toEqual([]);
});

test('a path that cannot be installed is refused in the dialog', async () => {
  await using service = await startService();
  const { page, problems } = await browser.newPage();
  await logIn(page, service);

  await page.getByRole('button', { name: 'Install from path' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Folder on this machine').fill('plugins/relative');
  await dialog.getByRole('button', { name: 'Install', exact: true }).click();
  await dialog.getByText('The path must be an absolute path').waitFor();

  await dialog.getByLabel('Folder on this machine').fill(`${service.dataDir}/nothing-here`);
  await dialog.getByRole('button', { name: 'Install', exact: true }).click();
  await dialog.getByRole('alert').waitFor();
  expect(await service.plugins()).toEqual([]);
  expect(problems.filter(isNotARefusal)).toEqual([]);
});

test('the configuration form keeps to the schema, stores what differs from it, and never shows a secret', async () => {
  await using service = await startService();
  const { page, problems } = await browser.newPage();
  await logIn(page, service);
  await service.add('has-every-config-type');
  await service.call('PUT', '/api/plugins/has-every-config-type/config', {
    config: { key: 's3cret', other: 1 },
  });
  const stored = async () =>
    (await service.call<PluginConfigOutput>('GET', '/api/plugins/has-every-config-type/config')).body.config;
  const save = async () => {
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Not saved yet').waitFor({ state: 'hidden' });
  };

  await page.getByRole('link', { name: 'has-every-config-type' }).click();
  await page.getByLabel('count').fill('11');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('It must be at most 10').waitFor();

  await page.getByLabel('count').fill('7');
  await page.getByRole('switch', { name: 'flag' }).click({ force: true });
  await save();
  expect(await stored()).toEqual({ count: 7, flag: true, key: '••••', other: 1 });

  await page.getByLabel('count').fill('');
  await page.getByRole('button', { name: 'Remove the stored value' }).click();
  await save();
  expect(await stored()).toEqual({ flag: true, other: 1 });

  await page.getByRole('button', { name: 'Reset to defaults' }).click();
  await save();
  expect(await stored()).toEqual({ other: 1 });
  expect(await page.content()).not.toContain('s3cret');
  expect(problems).toEqual([]);
});

test('what the service refuses of a configuration shows beside its field', async () => {
  await using service = await startService();
  const { page, problems } = await browser.newPage();
  await logIn(page, service);
  await service.add('has-every-config-type');
  await page.route('**/trpc/plugins.updateConfig*', (route) =>
    route.continue({ postData: route.request().postData()?.replace('"longer"', '"much too long"') ?? '' }),
  );

  await page.getByRole('link', { name: 'has-every-config-type' }).click();
  await page.getByLabel('text').fill('longer');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('"text" must be at most 10 characters').waitFor();
  expect(problems.filter(isNotARefusal)).toEqual([]);
});

test('a log grows while it is read', async () => {
  await using service = await startService();
  const { page, problems } = await browser.newPage();
  await logIn(page, service);
  await service.add('logs-its-life', { activate: false });

  await page.getByRole('link', { name: 'logs-its-life' }).click();
  const log = page.getByRole('log');
  await log.getByText('onInstall logs-its-life 1.0.0').waitFor();

  await service.call('POST', '/api/plugins/logs-its-life/activate');
  await log.getByText('onActivate logs-its-life 1.0.0').waitFor();
  expect(problems).toEqual([]);
});

test('a login link works once; the page says what to do about a used one, and takes the token', async () => {
  await using service = await startService();
  const first = await browser.newPage();
  await logIn(first.page, service);

  const { page, problems } = await browser.newPage();
  await page.goto(service.loginUrl.replace('/login', '/login?next=%2Fsettings'));
  await page.getByRole('alert').getByText('used before or has expired').waitFor();
  await page.getByText('npx -y pnpm@12 login-link', { exact: true }).waitFor();

  await page.getByLabel('Login link or management token').fill(service.token);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Settings' }).waitFor();
  expect(problems.filter(isNotARefusal)).toEqual([]);
});

test('logging out ends the session of every tab, and the way back leads to the same page', async () => {
  await using service = await startService();
  const { page } = await browser.newPage();
  await logIn(page, service);
  const other = await page.context().newPage();
  await other.goto(new URL('/settings', page.url()).href);
  await other.getByRole('heading', { name: 'Settings' }).waitFor();

  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await other.getByRole('heading', { name: 'Log in' }).waitFor();
  expect(new URL(other.url()).searchParams.get('next')).toBe('/settings');

  await other.getByLabel('Login link or management token').fill(service.token);
  await other.getByRole('button', { name: 'Log in' }).click();
  await other.getByRole('heading', { name: 'Settings' }).waitFor();
});

test('after login, only a path of this dashboard is where to go', async () => {
  await using service = await startService();
  const { page, problems } = await browser.newPage();

  for (const next of ['//evil.example/', '/\\evil.example/', 'https://evil.example/', '/login']) {
    const { body } = await service.call<{ url: string }>('POST', '/api/auth/login-code');
    await page.goto(body.url.replace('#', `?next=${encodeURIComponent(next)}#`));
    await page.getByRole('heading', { name: 'Installed plugins' }).waitFor();
    expect(page.url()).toBe(new URL('/', body.url).href);
  }
  expect(problems).toEqual([]);
});

async function logIn(page: Page, service: Service) {
  await page.goto(service.loginUrl);
  await page.getByRole('heading', { name: 'Installed plugins' }).waitFor();
}

async function install(page: Page, name: string) {
  await page.getByRole('button', { name: 'Install from path' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Folder on this machine').fill(fixture(name));
  await dialog.getByRole('button', { name: 'Install', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}

async function uninstall(page: Page, name: string) {
  await page.getByRole('button', { name: `More for ${name}` }).click();
  await page.getByRole('menuitem', { name: 'Uninstall…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Uninstall', exact: true }).click();
}

function rowOf(page: Page, name: string) {
  return page.getByRole('listitem', { name, exact: true });
}

/** The browser itself reports every answer of 400 and above as an error. */
function isNotARefusal(problem: string) {
  return !/^Failed to load resource: the server responded with a status of 4\d\d/.test(problem);
}
