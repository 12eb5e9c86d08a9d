// The QR code of the wizard, read from a screenshot by an independent decoder, is a door that
// opens once.
import assert from 'node:assert/strict';
import test from 'node:test';
import { browser, shot, signedIn } from '../harness/browser.mjs';
import { Daemon } from '../harness/daemon.mjs';
import { run, until } from '../harness/processes.mjs';

/** What zbar reads in a picture. */
async function decoded(file) {
  const { stdout, code, stderr } = await run('zbarimg', ['--quiet', '--raw', file]);
  assert.equal(code, 0, `zbarimg found no code in ${file}: ${stderr}`);
  return stdout.trim();
}

test('a phone claims a device by the QR code, once', { timeout: 120_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  const status = await daemon.startSite();
  const chromium = await browser(t);
  const page = await signedIn(chromium, daemon);

  await page.goto(`${new URL(page.url()).origin}/#/devices/add`);
  await page.getByRole('radio', { name: /ESP32/ }).first().click();
  await page.getByRole('button', { name: /Continuer/ }).click();
  await page.getByLabel('Nom', { exact: true }).fill('serre-04');
  await page.getByLabel('Groupe', { exact: true }).fill('groupe-b');
  await page.getByRole('button', { name: /Créer serre-04/ }).click();
  const qr = page.locator('[data-qr]');
  await qr.waitFor();
  // A code may be hidden until it is asked for: it is readable by every camera in the room.
  const reveal = page.getByRole('button', { name: /Montrer le code/ });
  if (await reveal.count()) await reveal.click();
  const url = await decoded(await shot(page, 'claim-wizard-fr'));
  assert.match(url, new RegExp(`^http://127\\.0\\.0\\.1:${status.ports.claim}/c#[0-9A-HJKMNP-TV-Z]{26}$`));

  const phone = await (await chromium.newContext({ viewport: { width: 390, height: 844 }, locale: 'fr-FR' })).newPage();
  await phone.goto(url);
  // Opening the page burns nothing: link previews and scanners fetch it too.
  const again = await fetch(url);
  assert.equal(again.status, 200);
  await phone.getByRole('button', { name: /Recevoir|Ouvrir|Prendre/ }).click();
  await phone.getByText(/[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}/).first().waitFor();
  await shot(phone, 'claim-phone-fr');
  const card = await phone.locator('body').innerText();
  const password = card.match(/[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}/)[0];
  assert.ok(card.includes('serre-04'));

  // What the phone was handed opens the broker's door.
  const pub = await run('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(status.ports.mqtts), '--cafile', await authority(t, daemon),
    '-u', 'serre-04', '-P', password, '-i', 'serre-04', '-q', '1', '-t', 'salle114/groupe-b/serre-04/measures', '-m', '{"temperature": 20}']);
  assert.equal(pub.code, 0, pub.stderr);
  await until(() => page.getByText(/serre-04 est (connecté|en ligne|là)/).first().isVisible(), 'the waiting step turns green');
  await shot(page, 'wizard-connected-fr');

  const second = await (await chromium.newContext({ locale: 'fr-FR' })).newPage();
  await second.goto(url);
  await second.getByRole('button', { name: /Recevoir|Ouvrir|Prendre/ }).click();
  await second.getByText(/déjà servi|expiré|n.existe plus/).first().waitFor();
  assert.ok(!(await second.locator('body').innerText()).includes(password));
});

async function authority(t, daemon) {
  const { scratch } = await import('../harness/processes.mjs');
  const fs = await import('node:fs');
  const file = `${scratch(t)}/ca.pem`;
  fs.writeFileSync(file, (await daemon.request('GET', '/ca.pem')).body);
  return file;
}
