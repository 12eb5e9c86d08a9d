// A whole class on the screen: planned, corrected, made, changed together, put away in summer.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import { browser, signedIn } from '../harness/browser.mjs';
import { Daemon } from '../harness/daemon.mjs';
import { LANGUAGES, THEMES, button, judged } from '../harness/judged.mjs';
import { until } from '../harness/processes.mjs';

const LONG = Boolean(process.env.COURTIER_LONG);
/** In the short form each language once and each theme once. */
const looks = LANGUAGES.flatMap((language) => THEMES.map((theme) => ({ language, theme })))
  .filter(({ language, theme }) => LONG || (language === 'fr' ? theme !== 'dark' : theme === 'dark'));

const open = (page, route) => page.goto(`${new URL(page.url()).origin}/${route}`);

test('a class from a plan to its cards, and changes of many', { timeout: 300_000 }, async (t) => {
  const chromium = await browser(t);
  for (const { language, theme } of looks) {
    const daemon = await Daemon.start(t);
    await daemon.startSite();
    await daemon.device(t, 'serre-02', 'esp32-arduino', 'groupe-a');
    const page = await signedIn(chromium, daemon, { language, theme });
    await page.getByRole('navigation').first().waitFor();
    await open(page, '#/devices');
    await page.getByRole('link', { name: /^(Une classe entière|A whole class)/ }).click();
    await page.getByText(/30 (appareils dans|devices in) 10/).waitFor();
    await judged(page, `class-plan-${language}-${theme}`);

    // A table with faults: each is shown in its line, and what would work is one click away.
    await button(page, 'D’un tableau', 'From a table').click();
    await page.getByLabel(/^(Le tableau|The table)/).fill('nom;groupe;prénom\nserre-01;groupe-a;Camille\nserre-02;groupe-a;Zoé\nSerre 7;Groupe B;Ali\n');
    await page.getByText(/prénom/).last().waitFor();
    await button(page, 'Vérifier', 'Check').click();
    await page.getByText(/2 (lignes à corriger|lines to correct)/).waitFor();
    await judged(page, `class-faults-${language}-${theme}`);
    assert.ok(!(await page.locator('main').innerText()).includes('Camille'), 'no pupil is shown');
    assert.ok(await button(page, 'Créer 3', 'Create 3').isDisabled());
    await button(page, 'Accepter', 'Accept').click();
    await page.getByText(/Tout va bien|All is well/).waitFor();
    await page.getByLabel(/^(Un zip des fichiers|A zip of the files)/).check();
    await judged(page, `class-check-${language}-${theme}`);
    await button(page, 'Créer 3', 'Create 3').click();
    await page.getByRole('heading', { level: 1, name: /^3 (appareils sont créés|devices are created)/ }).waitFor();
    await judged(page, `class-cards-${language}-${theme}`);
    const [pdf] = await Promise.all([page.waitForEvent('download'), button(page, 'Enregistrer le PDF', 'Save the PDF').click()]);
    assert.ok(fs.readFileSync(await pdf.path()).subarray(0, 5).equals(Buffer.from('%PDF-')));
    assert.deepEqual((await daemon.call('device_list')).map(({ id }) => id).sort(), ['serre-01', 'serre-02', 'serre-03', 'serre7']);

    await manyAtOnce(page, daemon, `${language}-${theme}`);
    assert.deepEqual(page.faults, []);
    await page.context().close();
    await daemon.program.stop();
  }
});

async function manyAtOnce(page, daemon, look) {
  const groupOf = async (id) => (await daemon.call('device_list')).find((device) => device.id === id)?.group;
  await open(page, '#/devices');
  for (const id of ['serre-01', 'serre-03']) await page.getByLabel(new RegExp(`^(Choisir|Choose) ${id}$`)).check();
  await page.getByText(/2 (choisis|chosen)/).waitFor();
  await button(page, 'Changer de groupe', 'Change group').click();
  await page.getByLabel(/^(Nouveau groupe|New group)/).fill('groupe-c');
  await judged(page, `devices-chosen-${look}`);
  await button(page, 'Déplacer', 'Move').click();
  await until(async () => (await groupOf('serre-01')) === 'groupe-c', 'they are in the new group');
  await button(page, 'Annuler', 'Undo').click();
  await until(async () => (await groupOf('serre-01')) === 'groupe-a', 'and back in the old one');

  await page.getByLabel(/^(Tout choisir|Choose all)$/).check();
  await page.getByText(/4 (choisis|chosen)/).waitFor();
  await button(page, 'Suspendre', 'Suspend').click();
  const revoked = async () => (await daemon.call('device_list')).filter(({ state }) => state === 'revoked').length;
  await until(async () => (await revoked()) === 4, 'all are shut out');
  await button(page, 'Annuler', 'Undo').last().click();
  await until(async () => (await revoked()) === 0, 'all are back');

  await page.getByLabel(/^(Choisir|Choose) serre7$/).check();
  await button(page, 'Imprimer les cartes', 'Print cards').click();
  await page.getByRole('heading', { level: 1, name: /^(Cartes de la classe|Cards of the class)/ }).waitFor();
  await page.getByLabel(/^(Étiquettes|Adhesive)/).check();
  await judged(page, `cards-again-${look}`);
  await button(page, 'Faire 1', 'Make 1').click();
  await button(page, 'Imprimer 1', 'Print 1').waitFor();
}

test('the end of the year says what it will do, asks for the name, and tells what is left', { timeout: 180_000 }, async (t) => {
  const chromium = await browser(t);
  for (const { language, theme } of looks) {
    const daemon = await Daemon.start(t);
    await daemon.startSite();
    for (const id of ['camille', 'zoe']) await daemon.device(t, id, 'other', 'tp-lundi');
    const page = await signedIn(chromium, daemon, { language, theme });
    await page.getByRole('navigation').first().waitFor();
    await open(page, '#/devices');
    await page.getByRole('link', { name: /^(Fin d’année|End of the year)/ }).click();
    await page.getByText(/camille : (appareil|device)-01/).waitFor();
    const end = button(page, 'Terminer', 'End the year');
    assert.ok(await end.isDisabled(), 'not without the name of the site');
    await page.getByLabel(/^(Pour confirmer|To confirm)/).fill('salle114');
    await judged(page, `year-plan-${language}-${theme}`);
    await end.click();
    await page.getByRole('heading', { level: 1, name: /terminée|is over/ }).waitFor();
    await judged(page, `year-done-${language}-${theme}`);
    const [archive] = await Promise.all([page.waitForEvent('download'), button(page, 'Enregistrer l’archive', 'Save the archive').click()]);
    assert.match(archive.suggestedFilename(), /^salle114-(annee|year)-.*\.zip$/);
    const ids = (await daemon.call('device_list')).map(({ id }) => id);
    assert.deepEqual(ids, language === 'fr' ? ['appareil-01', 'appareil-02'] : ['device-01', 'device-02']);
    assert.deepEqual(page.faults, []);
    await page.context().close();
    await daemon.program.stop();
  }
});
