// From what is on the screen to a file in two clicks, and a live link from making to revoking.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import { browser, signedIn } from '../harness/browser.mjs';
import { Daemon } from '../harness/daemon.mjs';
import { LANGUAGES, THEMES, button, judged } from '../harness/judged.mjs';
import { PYTHON, run, until } from '../harness/processes.mjs';

const LONG = Boolean(process.env.COURTIER_LONG);
/** In the short form each language once, and each theme on one of the screens. */
const looks = (french) => LANGUAGES.flatMap((language) => THEMES.map((theme) => ({ language, theme })))
  .filter(({ language, theme }) => LONG || theme === (language === 'fr' ? french : 'dark'));
const TOPIC = 'salle114/groupe-a/serre-04/mesures';

const open = (page, route) => page.goto(`${new URL(page.url()).origin}/${route}`);

async function site(t) {
  const daemon = await Daemon.start(t);
  await daemon.startSite();
  await daemon.device(t, 'serre-04');
  for (const temp of [21.5, -3.25]) await daemon.call('message_publish', { topic: TOPIC, payload: JSON.stringify({ temp, hum: 60 }), qos: 1, retain: false });
  await daemon.call('message_publish', { topic: 'salle114/groupe-a/serre-04/etat', payload: '=cmd()', qos: 1, retain: false });
  return daemon;
}

test('two clicks from a topic and from the live screen to a file', { timeout: 180_000 }, async (t) => {
  const chromium = await browser(t);
  for (const { language, theme } of looks('light')) {
    const daemon = await site(t);
    const page = await signedIn(chromium, daemon, { language, theme });
    await page.getByRole('navigation').first().waitFor();
    await open(page, `#/live?topic=${encodeURIComponent(TOPIC)}`);
    const exportOf = (where) => where.getByRole('button', { name: /^(Exporter|Export)$/ });
    await exportOf(page.locator('.detail')).click();
    await page.getByText(/^2 messages, (du|from)/).waitFor();
    await judged(page, `export-topic-${language}-${theme}`);
    const go = page.getByRole('button', { name: language === 'fr' ? 'Exporter en CSV français' : 'Export as Plain CSV' });
    const [file] = await Promise.all([page.waitForEvent('download'), go.click()]);
    assert.match(file.suggestedFilename(), /^salle114_groupe-a_serre-04_mesures-[\d-]+h\d\d\.csv$/);
    const lines = fs.readFileSync(await file.path(), 'utf8').trim().split(/\r?\n/);
    const [separator, decimal] = language === 'fr' ? [';', ','] : [',', '.'];
    assert.ok(lines[0].endsWith(`${separator}temp${separator}hum`), lines[0]);
    assert.ok(lines[2].endsWith(`${separator}-3${decimal}25${separator}60`), lines[2]);
    await page.getByText(/^salle114_.* (est prêt|is ready)/).waitFor();
    await page.keyboard.press('Escape');

    await exportOf(page.locator('.live-bar')).click();
    await page.getByText(/^3 messages, (du|from)/).waitFor();
    await page.getByLabel(/^(Données ouvertes|Open data)$/).check();
    await judged(page, `export-open-${language}-${theme}`);
    await page.getByLabel('XLSX').check();
    const [book] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: /^(Exporter en|Export as) XLSX$/ }).click()]);
    assert.equal(fs.readFileSync(await book.path()).subarray(0, 2).toString(), 'PK');
    await button(page, 'Fermer', 'Close').last().click();

    // What cannot be is said where it was asked for; what is not there is not exported.
    await exportOf(page.locator('.live-bar')).click();
    await page.getByRole('textbox', { name: /^(Sujets|Topics)/ }).fill('a/#/b');
    await page.getByRole('alert').waitFor();
    await page.getByRole('textbox', { name: /^(Sujets|Topics)/ }).fill('nothing/here');
    await page.getByText(/^(Rien n’est enregistré|Nothing is recorded)/).waitFor();
    await judged(page, `export-none-${language}-${theme}`);
    assert.equal(await page.getByRole('button', { name: /^(Exporter en|Export as)/ }).getAttribute('aria-disabled'), 'true');
    // The browser says in its own words that a filter was refused.
    assert.deepEqual(page.faults.filter((fault) => !fault.includes('/api/export_preview')), []);
    await page.context().close();
    await daemon.program.stop();
  }
});

/** Rows as the recorder has them, faster than any broker brings them. */
const FILL = `
import sqlite3, sys, time
base = sqlite3.connect(sys.argv[1], timeout=20)
start = int(time.time() - 86400 * 2) * 1000000
base.execute("INSERT INTO topics(id, name) VALUES(900, 'big/a/b/c')")
base.executemany("INSERT INTO samples VALUES(900, ?, 0, 1, 4, ?, NULL)", ((start + n * 100000, n / 10) for n in range(int(sys.argv[2]))))
base.commit()`;

test('a long export tells how far it is, and can be stopped', { timeout: 120_000 }, async (t) => {
  const daemon = await site(t);
  const filled = await run(PYTHON, ['-c', FILL, `${daemon.data}/recordings.db`, '300000']);
  assert.equal(filled.code, 0, filled.stderr);
  const page = await signedIn(await browser(t), daemon);
  await page.getByRole('navigation').first().waitFor();
  await open(page, '#/live');
  await page.locator('.live-bar').getByRole('button', { name: 'Exporter' }).click();
  await page.getByRole('textbox', { name: /^Sujets/ }).fill('big/#');
  await page.getByText(/^300\u202f000 messages, du/).waitFor();
  await page.getByLabel('XLSX').check();
  await page.getByRole('button', { name: 'Exporter en XLSX' }).click();
  await page.getByText(/messages lus sur 300\u202f000$/).waitFor();
  await judged(page, 'export-running-fr-light');
  const state = () => daemon.call('export_status', { id: 1, wait_ms: 0 }).then((job) => job.state, (error) => error.problem.code);
  assert.equal(await state(), 'running');
  await button(page, 'Arrêter', 'Stop').click();
  await page.getByText('L’export est arrêté. Rien n’a été gardé.').waitFor();
  assert.equal(await state(), 'export_unknown');
  await until(() => fs.readdirSync(`${daemon.data}/exports`).length === 0, 'nothing is left');
  await page.getByRole('button', { name: 'Exporter en XLSX' }).waitFor();
});

test('a live link is made, shown once with the ways to use it, listed and revoked', { timeout: 180_000 }, async (t) => {
  const chromium = await browser(t);
  for (const { language, theme } of looks('projector')) {
    const daemon = await site(t);
    const page = await signedIn(chromium, daemon, { language, theme });
    await page.getByRole('navigation').first().waitFor();
    await open(page, '#/live');
    await page.locator('.live-bar').getByRole('button', { name: /^(Exporter|Export)$/ }).click();
    await button(page, 'Lien vivant pour tableur', 'Live link for a spreadsheet').click();
    await page.getByRole('heading', { level: 1, name: /^(Liens vivants|Live links)/ }).waitFor();
    await page.getByLabel(/^(Nom|Name)/).fill('TP 3');
    await button(page, 'Faire le lien', 'Make the link').click();
    const address = page.locator('dd code').first();
    await address.waitFor();
    await judged(page, `feeds-${language}-${theme}`);
    const url = await address.innerText();
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/x\/[0-9A-Z]{26}\/(fr|plain)\.csv$/);
    const answer = await until(() => fetch(url).then((got) => got.text(), () => undefined), 'the link answers');
    assert.ok(answer.includes(language === 'fr' ? ';temp;-3,25;' : ',temp,-3.25,'), answer);
    await page.getByText(/^(à l’instant|just now|il y a|now|\d+ s ago)/).first().waitFor();

    await page.reload();
    await page.getByRole('rowheader', { name: /^TP 3/ }).waitFor();
    assert.ok(!(await page.content()).includes(url.split('/').at(-2)), 'shown once');
    await button(page, 'Retirer le lien TP 3', 'Revoke the link TP 3').click();
    await page.getByText(/^(Aucun lien vivant|No live link)/).waitFor();
    await until(() => fetch(url).then(() => false, () => true), 'the closed door');
    assert.deepEqual(page.faults, []);
    await page.context().close();
    await daemon.program.stop();
  }
});
