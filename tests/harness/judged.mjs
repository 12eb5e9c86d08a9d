// A screen as a reader judges it: drawn, whole, and without a serious accessibility fault (axe-core).
import assert from 'node:assert/strict';
import AxeBuilder from '@axe-core/playwright';
import { shot } from './browser.mjs';

export const LANGUAGES = ['fr', 'en'];
export const THEMES = ['light', 'dark', 'projector'];

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

export async function judged(page, name) {
  await page.evaluate(() => document.fonts.ready);
  await shot(page, name);
  assert.deepEqual(await page.evaluate(broken), [], name);
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']).analyze();
  const serious = violations.filter((each) => ['serious', 'critical'].includes(each.impact))
    .map((each) => `${each.id}: ${each.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
  assert.deepEqual(serious, [], name);
}

/** A button that exists in both languages; its name starts with one of them. */
export const button = (page, fr, en) => page.getByRole('button', { name: new RegExp(`^(${fr}|${en})`) });
