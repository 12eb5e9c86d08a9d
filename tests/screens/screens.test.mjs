// Every screen in both languages and three themes: drawn without a fault, nothing cut, and no
// serious accessibility fault (axe-core).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { browser, signedIn } from '../harness/browser.mjs';
import { Daemon } from '../harness/daemon.mjs';
import { LANGUAGES, THEMES, button, judged } from '../harness/judged.mjs';
import { run, scratch, until } from '../harness/processes.mjs';

test('the first run, in both languages and three themes', { timeout: 180_000 }, async (t) => {
  const chromium = await browser(t);
  for (const language of LANGUAGES) {
    for (const theme of THEMES) {
      const daemon = await Daemon.start(t);
      const page = await signedIn(chromium, daemon, { language, theme });
      const next = button(page, 'Continuer', 'Continue');
      await next.waitFor();
      await judged(page, `first-run-place-${language}-${theme}`);
      await page.getByLabel(/Salle ou atelier|Room or workshop/).fill('Salle 114');
      await next.click();
      await page.getByRole('radio').first().waitFor();
      await judged(page, `first-run-network-${language}-${theme}`);
      await button(page, 'Démarrer', 'Start').click();
      // A usual port may be taken on this machine: the screen offers another, one after the other.
      const ready = page.getByRole('heading', { level: 1, name: /^C’est fait|^Done/ });
      const offer = button(page, 'Prendre', 'Use');
      while (await Promise.race([ready.waitFor().then(() => false), offer.waitFor().then(() => true)])) {
        const asked = await offer.textContent();
        await offer.click();
        await until(async () => !(await offer.count()) || (await offer.textContent()) !== asked, 'the offer is taken');
      }
      await judged(page, `first-run-ready-${language}-${theme}`);
      const status = await daemon.call('site_status');
      assert.deepEqual(status.checks.map((check) => check.passed), status.checks.map(() => true));
      assert.deepEqual(page.faults, []);
      await page.context().close();
      await daemon.program.stop();
    }
  }
});

test('home, devices and live view, in both languages and three themes', { timeout: 420_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  const chromium = await browser(t);
  await daemon.startSite();
  await daemon.call('simulated_start', { count: 6, group: 'groupe-a' });
  await daemon.device(t, 'serre-09', 'esp32-arduino', 'groupe-b');
  await run('openssl', ['s_client', '-connect', `127.0.0.1:${daemon.status.ports.mqtts}`, '-verify_return_error'], { input: '\n' });
  const devices = await until(async () => {
    const list = await daemon.call('device_list');
    return list.filter((device) => device.last_value).length >= 6 && list;
  }, 'the simulated devices speak', 60_000);
  const topic = `${devices.find((device) => device.simulated).branch}/measures`;
  const screens = [
    ['home', '#/home', (page) => page.getByText('groupe-a').first()],
    ['devices', '#/devices', (page) => page.getByText('serre-09').first()],
    ['doctor', '#/doctor', (page) => page.locator('.patients li').first()],
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

test('rights: tried, changed, allowed and taken back, in both languages and three themes', { timeout: 420_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  const chromium = await browser(t);
  await daemon.startSite({ guests: true });
  await daemon.device(t, 'serre-04', 'esp32-arduino', 'groupe-a');
  await daemon.device(t, 'serre-05', 'esp32-arduino', 'groupe-b');
  await daemon.device(t, 'meteo-toit', 'other', 'meteo');
  const first = await daemon.call('rights_show');
  const more = [
    { number: 0, subject: { kind: 'group', name: 'groupe-b' }, verb: 'reads', object: { kind: 'group', name: 'groupe-a' }, until_ms: null },
    { number: 0, subject: { kind: 'everybody' }, verb: 'reads', object: { kind: 'group', name: 'meteo' }, until_ms: null },
    { number: 0, subject: { kind: 'device', name: 'meteo-toit' }, verb: 'writes', object: { kind: 'filter', name: '+/+/ventilateur' }, until_ms: null },
  ];
  await daemon.call('rights_change', { sentences: [...first.sentences, ...more], revision: first.revision, apply: true });
  for (const language of LANGUAGES) {
    for (const theme of THEMES) {
      const page = await signedIn(chromium, daemon, { language, theme });
      await page.getByRole('navigation').first().waitFor();
      await page.goto(`${new URL(page.url()).origin}/#/rights?device=serre-04`);
      await page.getByText(/essais, tous conformes|tries, all as they should be/).waitFor();
      const topic = page.getByLabel(/^(Sujet ou filtre|Topic or filter)$/);
      await topic.fill('salle114/groupe-b/serre-05/measures');
      await page.getByText(/^(Non|No)\.$/).waitFor();
      await judged(page, `rights-${language}-${theme}`);

      // With the keyboard alone: to a cell, to its sentence, another verb, and applied.
      await page.locator('[data-cell="0-0"]').focus();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await page.locator('[data-sentence="4"]').waitFor();
      const verb = page.locator('[data-sentence="4"]').getByLabel(/^(Peut faire quoi|May do what)$/);
      await verb.focus();
      await verb.selectOption('writes_and_reads');
      await page.getByText(/serre-05 (pourra écrire dans|will be able to write to) salle114\/groupe-a\/#/).waitFor();
      await judged(page, `rights-changing-${language}-${theme}`);
      await button(page, 'Appliquer maintenant', 'Apply now').focus();
      await page.keyboard.press('Enter');
      await page.getByText(/nouveaux droits sont en vigueur|new rights are in force/).waitFor();
      await button(page, 'Annuler', 'Undo').first().click();
      await until(async () => (await daemon.call('rights_show')).sentences.find(({ number }) => number === 4).verb === 'reads', 'the change is undone');
      await until(async () => (await verb.inputValue()) === 'reads', 'the page shows that it is undone');

      // The refusal leads to the narrowest sentence that allows it.
      await topic.fill('salle114/groupe-b/serre-05/lampe');
      await button(page, 'Le permettre 10 min', 'Allow it for 10 min').click();
      await page.getByText(/^(Oui|Yes)\.$/).waitFor();
      const shown = await daemon.call('rights_show');
      const added = shown.sentences.at(-1);
      assert.deepEqual(added.object, { kind: 'filter', name: 'salle114/groupe-b/serre-05/lampe' });
      assert.ok(added.until_ms - Date.now() > 9 * 60_000);
      await judged(page, `rights-allowed-${language}-${theme}`);
      await button(page, 'Revenir à avant', 'Go back to before').click();
      await page.getByText(/^(Non|No)\.$/).waitFor();
      // What cannot be is marked at its word.
      await button(page, 'Toutes les phrases', 'All sentences').click();
      await page.locator('[data-sentence="6"]').getByLabel(/^(Sujets|Topics)$/).fill('a/#/b');
      await page.getByText(/Ce n’est pas un endroit possible|This cannot be a place/).waitFor();
      // The browser itself notes the refusal that was asked for.
      assert.deepEqual(page.faults.filter((fault) => !fault.includes('422')), []);
      await page.context().close();
    }
  }
  const page = await signedIn(chromium, daemon, { language: 'fr', theme: 'light' });
  await page.getByText(/droits vérifiés sur le courtier en marche/).waitFor();
  await page.goto(`${new URL(page.url()).origin}/#/rights`);
  const zone = page.getByRole('switch');
  await zone.press('Space');
  await page.getByText('La zone des invités est fermée, et les invités sont dehors.').waitFor();
  assert.equal((await daemon.call('site_status')).guests, false);
});

test('the wizard from choice to connection, in both languages and three themes', { timeout: 420_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  const chromium = await browser(t);
  await daemon.startSite();
  const { ca } = await daemon.device(t, 'pour-ca');
  for (const language of LANGUAGES) {
    for (const theme of THEMES) {
      const page = await signedIn(chromium, daemon, { language, theme });
      await page.getByRole('navigation').first().waitFor();
      await page.goto(`${new URL(page.url()).origin}/#/devices/add`);
      await page.getByRole('radio', { name: /ESP32/ }).first().click();
      await judged(page, `wizard-choose-${language}-${theme}`);
      await button(page, 'Continuer', 'Continue').click();
      const id = `serre-${language}-${theme}`;
      await page.getByLabel(/^(Nom|Name)$/).fill(id);
      await page.getByLabel(/^(Groupe|Group)$/).fill('groupe-b');
      await judged(page, `wizard-name-${language}-${theme}`);
      await button(page, 'Créer', 'Create').click();
      await page.locator('[data-qr]').waitFor();
      await judged(page, `wizard-wait-${language}-${theme}`);

      const password = (await page.locator('main').innerText()).match(/[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}/)[0];
      const knock = (secret) => run('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(daemon.status.ports.mqtts), '--cafile', ca,
        '-u', id, '-P', secret, '-i', id, '-q', '1', '-t', `salle114/groupe-b/${id}/measures`, '-m', '{"temperature": 20.5}']);
      assert.notEqual((await knock('AAAA-AAAA-AAAA-AAAA')).code, 0);
      await page.getByText(/son mot de passe est faux|its password is wrong/).first().waitFor();
      await judged(page, `wizard-refused-${language}-${theme}`);
      const let_in = await knock(password);
      assert.equal(let_in.code, 0, let_in.stderr);
      await page.getByText(/20[,.]5/).first().waitFor();
      await judged(page, `wizard-connected-${language}-${theme}`);
      assert.deepEqual(page.faults, []);
      await page.context().close();
    }
  }
});

test('signed out and damaged, in both languages and three themes', { timeout: 180_000 }, async (t) => {
  const data = scratch(t);
  const sound = await Daemon.start(t, { data });
  await sound.startSite();
  await sound.program.stop();
  fs.writeFileSync(path.join(data, 'settings.toml'), 'this is not what it was');
  const daemon = await Daemon.start(t, { data });
  const chromium = await browser(t);
  for (const language of LANGUAGES) {
    for (const theme of THEMES) {
      const page = await signedIn(chromium, daemon, { language, theme });
      await page.getByRole('heading', { level: 1, name: /abîmé|endommagé|damaged/i }).waitFor();
      await judged(page, `damaged-${language}-${theme}`);
      assert.deepEqual(page.faults, []);
      await page.context().clearCookies();
      await page.evaluate(() => sessionStorage.clear());
      await page.reload();
      await page.getByText('courtierd open').waitFor();
      await judged(page, `signed-out-${language}-${theme}`);
      await page.context().close();
    }
  }
});
