// Every screen in both languages and three themes: drawn without a fault, nothing cut, and no
// serious accessibility fault (axe-core).
import assert from 'node:assert/strict';
import test from 'node:test';
import AxeBuilder from '@axe-core/playwright';
import { browser, shot, signedIn } from '../harness/browser.mjs';
import { Daemon } from '../harness/daemon.mjs';
import { until } from '../harness/processes.mjs';

const LANGUAGES = ['fr', 'en'];
const THEMES = ['light', 'dark', 'projector'];

/** What a reader would call broken: text out of its box, a page wider than its window. */
const broken = () => {
  const faults = [];
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth + 1) faults.push(`the page is ${page.scrollWidth} px wide`);
  for (const button of document.querySelectorAll('button, [role=tab]')) {
    if (button.scrollWidth > button.clientWidth + 2 && getComputedStyle(button).overflow !== 'visible') faults.push(`cut: ${button.innerText}`);
  }
  if (document.querySelectorAll('h1').length !== 1) faults.push(`${document.querySelectorAll('h1').length} h1`);
  if (/\bundefined\b|\bNaN\b|\[object /.test(document.body.innerText)) faults.push('a raw value is shown');
  return faults;
};

async function judged(page, name) {
  await page.evaluate(() => document.fonts.ready);
  await shot(page, name);
  assert.deepEqual(await page.evaluate(broken), [], name);
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']).analyze();
  const serious = violations.filter((each) => ['serious', 'critical'].includes(each.impact))
    .map((each) => `${each.id}: ${each.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
  assert.deepEqual(serious, [], name);
}

test('the first run, in both languages and three themes', { timeout: 180_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  const chromium = await browser(t);
  for (const language of LANGUAGES) {
    for (const theme of THEMES) {
      const page = await signedIn(chromium, daemon, { language, theme });
      const next = page.getByRole('button', { name: /Continuer|Continue/ });
      await next.waitFor();
      await judged(page, `first-run-place-${language}-${theme}`);
      await page.getByLabel(/Salle ou atelier|Room or workshop/).fill('Salle 114');
      await next.click();
      await page.getByRole('radio').first().waitFor();
      await judged(page, `first-run-network-${language}-${theme}`);
      assert.deepEqual(page.faults, []);
      await page.context().close();
    }
  }
});

test('home, devices, wizard and live view, in both languages and three themes', { timeout: 420_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  const chromium = await browser(t);
  await daemon.startSite();
  await daemon.call('simulated_start', { count: 6, group: 'groupe-a' });
  await daemon.device(t, 'serre-09', 'esp32-arduino', 'groupe-b');
  const devices = await until(async () => {
    const list = await daemon.call('device_list');
    return list.filter((device) => device.last_value).length >= 6 && list;
  }, 'the simulated devices speak', 60_000);
  const topic = `${devices.find((device) => device.simulated).branch}/measures`;
  const screens = [
    ['home', '#/home', (page) => page.getByText('groupe-a').first()],
    ['devices', '#/devices', (page) => page.getByText('serre-09').first()],
    ['wizard-choose', '#/devices/add', (page) => page.getByRole('radio').first()],
    ['live', `#/live?topic=${encodeURIComponent(topic)}`, (page) => page.locator('canvas').first()],
  ];
  for (const language of LANGUAGES) {
    for (const theme of THEMES) {
      const page = await signedIn(chromium, daemon, { language, theme });
      await page.getByRole('navigation').first().waitFor();
      for (const [name, route, shown] of screens) {
        await page.goto(`${new URL(page.url()).origin}/${route}`);
        await shown(page).waitFor();
        await judged(page, `${name}-${language}-${theme}`);
      }
      assert.deepEqual(page.faults, []);
      await page.context().close();
    }
  }
});
