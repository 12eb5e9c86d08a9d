// Debian's Chromium, driven by playwright-core, on the loopback door of a daemon.
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import * as ledger from './ledger.mjs';

export const SHOTS = path.resolve(import.meta.dirname, '../screens/shots');

export async function browser(t) {
  const started = await chromium.launch({
    executablePath: process.env.COURTIER_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  t.after(() => started.close());
  return started;
}

/** A page signed in by the one-time code that the daemon printed. */
export async function signedIn(started, daemon, { language = 'fr', theme = 'light', width = 1280, height = 800 } = {}) {
  const context = await started.newContext({ viewport: { width, height }, locale: language === 'fr' ? 'fr-FR' : 'en-GB', acceptDownloads: true });
  await context.addInitScript(([language, theme]) => {
    localStorage.setItem('courtier.language', language);
    localStorage.setItem('courtier.theme', theme);
  }, [language, theme]);
  const page = await context.newPage();
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') page.faults.push(`${message.text()} ${message.location().url}`);
  });
  // What the page is handed is a secret of this run too.
  page.on('response', (response) => {
    if (/\/api\/(?:device|enrolment)_/.test(response.url())) response.text().then(ledger.handedText, () => {});
  });
  page.on('download', (download) => {
    if (download.suggestedFilename().endsWith('.csv')) download.path().then((file) => ledger.exported(fs.readFileSync(file)), () => {});
  });
  const address = daemon.open ?? (await fresh(daemon));
  ledger.handed({ open: address });
  await page.goto(address);
  for (const { value } of await context.cookies()) ledger.secret('the session of a browser', value);
  daemon.open = undefined;
  return page;
}

/** A new one-time address, as `courtierd open` prints it. */
async function fresh(daemon) {
  const { BIN, run } = await import('./processes.mjs');
  const { stdout, stderr, code } = await run(path.join(BIN, 'courtierd'), ['open', '--data', daemon.data]);
  const url = stdout.match(/https?:\/\/\S+/)?.[0];
  if (code !== 0 || !url) throw new Error(`courtierd open: ${code} ${stdout}${stderr}`);
  return url;
}

export async function shot(page, name) {
  fs.mkdirSync(SHOTS, { recursive: true });
  const file = path.join(SHOTS, `${name}.png`);
  await page.screenshot({ path: file });
  return file;
}
