// Certificates and enrolment as a teacher uses them: through the page, with stock tools on the other
// side (curl, openssl, mosquitto).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { browser, signedIn } from '../harness/browser.mjs';
import { Daemon } from '../harness/daemon.mjs';
import { LANGUAGES, THEMES, button, judged } from '../harness/judged.mjs';
import { Program, run, scratch, until } from '../harness/processes.mjs';

const at = (page, route) => page.goto(`${new URL(page.url()).origin}/#${route}`);

test('security, enrolment and certificates, in both languages and three themes', { timeout: 420_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  const chromium = await browser(t);
  await daemon.startSite();
  await daemon.device(t, 'serre-04', 'esp32-arduino', 'groupe-a');
  for (const language of LANGUAGES) {
    for (const theme of THEMES) {
      const page = await signedIn(chromium, daemon, { language, theme });
      await page.getByRole('navigation').first().waitFor();
      await at(page, '/security');
      await page.getByText(/Courtier CA/).first().waitFor();
      await judged(page, `security-${language}-${theme}`);
      await at(page, '/devices/enrol');
      await button(page, 'Ouvrir pour 10', 'Open for 10').waitFor();
      await judged(page, `enrol-closed-${language}-${theme}`);
      await button(page, 'Ouvrir pour 10', 'Open for 10').click();
      await page.getByRole('timer').waitFor();
      await judged(page, `enrol-open-${language}-${theme}`);
      await button(page, 'Fermer maintenant', 'Close now').click();
      await at(page, '/devices/certificate?device=serre-04');
      await button(page, 'Faire le certificat', 'Make the certificate').waitFor();
      await judged(page, `certificate-${language}-${theme}`);
      assert.deepEqual(page.faults, []);
      await page.context().close();
    }
  }
  // A change of authority, as far as the first question, and back.
  const page = await signedIn(chromium, daemon, {});
  await page.getByRole('navigation').first().waitFor();
  await at(page, '/security');
  await button(page, 'Préparer une nouvelle', 'Prepare a new').click();
  await button(page, 'Préparer', 'Prepare').click();
  await page.getByText(/attend de nouveaux fichiers/).waitFor();
  await judged(page, 'security-change');
  assert.deepEqual((await daemon.call('authority_status')).change.waiting, ['serre-04']);
});

test('a board joins by the code on the screen, and a certificate from the screen opens its door until it is revoked', { timeout: 120_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  await daemon.startSite();
  const made = await daemon.device(t, 'serre-04', 'other', 'groupe-a');
  const page = await signedIn(await browser(t), daemon, { language: 'en' });
  await page.getByRole('navigation').first().waitFor();
  await at(page, '/devices/enrol');
  await page.getByLabel('Group').fill('groupe-b');
  await page.getByRole('button', { name: /^Open for 10/ }).click();
  const code = (await page.locator('.code').innerText()).replace(/\D/g, '');
  assert.match(code, /^\d{6}$/);
  assert.match(await page.getByRole('timer').innerText(), /^(10:00|9:5\d)$/);
  const { url } = await daemon.call('enrolment_status');
  const folder = scratch(t);
  const body = path.join(folder, 'body.json');
  fs.writeFileSync(body, JSON.stringify({ code, name: 'lampe' }));
  const joined = await run('curl', ['-sS', '--cacert', made.ca, '-H', 'Content-Type: application/json', '--data-binary', `@${body}`, '-w', '%{http_code}', '-o', path.join(folder, 'answer'), `${url}/d/enroll`]);
  assert.equal(joined.stdout, '200', joined.stderr);
  await page.getByText('1 device has joined.').waitFor();
  await page.getByRole('button', { name: 'Close now' }).click();
  await page.getByRole('button', { name: /^Open for 10/ }).waitFor();
  assert.equal((await daemon.call('enrolment_status')).until_ms, null);
  assert.ok((await daemon.call('device_list')).some(({ id, group }) => id === 'lampe' && group === 'groupe-b'));

  // By the menu of the device, as a teacher finds it.
  await at(page, '/devices');
  await page.getByRole('row', { name: /serre-04/ }).getByRole('button').last().click();
  await page.getByRole('menuitem', { name: /^Certificate/ }).click();
  await page.getByRole('button', { name: 'Make the certificate' }).click();
  const fetch = async (name) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: `Save ${name}` }).click()]);
    const file = path.join(folder, name);
    await download.saveAs(file);
    return file;
  };
  const [p12, ca] = [await fetch('serre-04.p12'), await fetch('ca.pem')];
  const password = await page.locator('dd b.mono').innerText();
  const open = (args) => run('openssl', ['pkcs12', '-in', p12, '-passin', 'stdin', ...args], { input: `${password}\n` });
  const [cert, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
  for (const args of [['-clcerts', '-nokeys', '-out', cert], ['-nocerts', '-noenc', '-out', key]]) {
    const opened = await open(args);
    assert.equal(opened.code, 0, opened.stderr);
  }
  const { ports } = await daemon.call('site_status');
  const door = ['-h', '127.0.0.1', '-p', String(ports.mtls), '--cafile', ca, '--cert', cert, '--key', key, '-i', 'serre-04', '-q', '1'];
  const said = await run('mosquitto_pub', [...door, '-t', made.topic, '-m', '{"temperature": 21.5}']);
  assert.equal(said.code, 0, said.stderr);
  await daemon.records(made.topic);
  const listening = new Program('stdbuf', ['-oL', 'mosquitto_sub', ...door, '-d', '-t', `${made.device.branch}/commands/#`]);
  t.after(() => listening.stop());
  await listening.line((line) => line.includes('SUBACK'));
  assert.ok((await daemon.call('client_list')).some((each) => each.client_id === 'serre-04' && each.connected), 'it listens');
  await daemon.call('device_revoke', { id: 'serre-04' });
  await until(async () => (await run('mosquitto_pub', [...door, '-t', made.topic, '-m', '1'])).code !== 0, 'the revoked certificate is refused');
  await until(async () => !(await daemon.call('client_list')).some((each) => each.client_id === 'serre-04' && each.connected), 'who listened is out');
  assert.deepEqual(page.faults, []);
});

test('who is connected is listed, disconnected and forgotten', { timeout: 120_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  await daemon.startSite();
  const made = await daemon.device(t, 'serre-04', 'other', 'groupe-a');
  const args = ['-h', '127.0.0.1', '-p', String(made.port), '--cafile', made.ca, '-u', 'serre-04', '-P', made.password, '-i', 'serre-04', '-q', '1', '-c', '-d', '-t', `${made.device.branch}/commands/#`];
  const listener = new Program('stdbuf', ['-oL', 'mosquitto_sub', ...args]);
  t.after(() => listener.stop());
  await listener.line((line) => line.includes('SUBACK'));
  const chromium = await browser(t);
  for (const language of LANGUAGES) {
    for (const theme of THEMES) {
      const page = await signedIn(chromium, daemon, { language, theme });
      await page.getByRole('navigation').first().waitFor();
      await at(page, '/devices/clients');
      await page.getByRole('row', { name: /serre-04/ }).first().waitFor();
      await judged(page, `clients-${language}-${theme}`);
      await page.context().close();
    }
  }
  const page = await signedIn(chromium, daemon, { language: 'en' });
  await page.getByRole('navigation').first().waitFor();
  await at(page, '/devices/clients');
  await page.getByRole('button', { name: 'Disconnect', exact: true }).click();
  await until(async () => listener.lines.filter((line) => line.includes('CONNACK')).length >= 2, 'it was out, and came back');
  await listener.stop();
  // What waits for the one that went is counted.
  const row = page.getByRole('row', { name: /away, session kept/ });
  await row.waitFor();
  await daemon.call('message_publish', { topic: `${made.device.branch}/commands/led`, payload: 'x', qos: 1, retain: false });
  await page.getByRole('row', { name: /away, session kept.* 1 1 0 0/ }).waitFor();
  await row.getByRole('button', { name: 'Forget' }).click();
  await page.getByText('Nobody is connected').waitFor();
  assert.deepEqual(await daemon.call('client_list'), []);
  assert.deepEqual(page.faults, []);
});
