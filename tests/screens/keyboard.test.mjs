// The first hour with the keyboard alone, as somebody who has never seen the program: from the start
// to the first live chart, then a device by the wizard. Each step looks for what it needs by what is
// written there; Tab must reach it, and where the focus stands must be seen.
import assert from 'node:assert/strict';
import test from 'node:test';
import { browser, shot, signedIn } from '../harness/browser.mjs';
import { Daemon } from '../harness/daemon.mjs';
import { LANGUAGES } from '../harness/judged.mjs';
import { run } from '../harness/processes.mjs';

const MOST_TABS = 60;
const MOST_PRESSES = 6;
const MOST_SECONDS = 180;

/** One who has hands for the keyboard only; counts what a mouse would have clicked. */
class Hands {
  presses = 0;

  constructor(page) {
    this.page = page;
  }

  /** Tabs until the focus is on what is wanted; it must be seen there. */
  async to(wanted, what) {
    await wanted.waitFor();
    for (let tabs = 0; tabs <= MOST_TABS; tabs += 1) {
      const found = await wanted.evaluate((element) => {
        const focused = document.activeElement;
        if (!focused || !(focused === element || element.contains(focused))) return null;
        const style = getComputedStyle(focused);
        const box = focused.getBoundingClientRect();
        return {
          ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== 'none'
            || Boolean(focused.querySelector('.active')) ,
          inside: box.bottom > 0 && box.top < innerHeight,
        };
      });
      if (found) {
        assert.ok(found.inside, `${what}: focused, but out of sight`);
        assert.ok(found.ring, `${what}: the focus is not seen`);
        return;
      }
      await this.page.keyboard.press('Tab');
    }
    assert.fail(`${what} is not reached by ${MOST_TABS} tabs`);
  }

  async press(wanted, what, key = 'Enter') {
    await this.to(wanted, what);
    await this.page.keyboard.press(key);
    this.presses += 1;
  }
}

for (const language of LANGUAGES) {
  test(`from the start to the first live chart, keyboard alone (${language})`, { timeout: 240_000 }, async (t) => {
    const began = Date.now();
    const daemon = await Daemon.start(t);
    const page = await signedIn(await browser(t), daemon, { language });
    const hands = new Hands(page);
    const called = (fr, en) => new RegExp(`^(${language === 'fr' ? fr : en})`);
    const button = (fr, en) => page.getByRole('button', { name: called(fr, en) });

    await hands.to(page.getByLabel(called('Salle ou atelier', 'Room or workshop')), 'the name of the room');
    await page.keyboard.type('Salle 114');
    await hands.press(button('Continuer', 'Continue'), 'on to the network');
    await hands.press(button('Démarrer', 'Start'), 'the start');
    const ready = page.getByRole('heading', { level: 1, name: called('C’est fait', 'Done') });
    const offer = button('Prendre', 'Use');
    while (await Promise.race([ready.waitFor().then(() => false), offer.waitFor().then(() => true)])) {
      // Another program of this machine holds a usual port; no press of a first run elsewhere.
      const asked = await offer.textContent();
      await hands.press(offer, 'another port');
      hands.presses -= 1;
      await page.waitForFunction((asked) => ![...document.querySelectorAll('button')].some((each) => each.textContent === asked), asked);
    }
    await hands.press(button('Essayer', 'Try'), 'the simulated device');
    await page.locator('canvas').first().waitFor();
    const seconds = (Date.now() - began) / 1000;
    await shot(page, `keyboard-chart-${language}`);
    t.diagnostic(`${language}: ${hands.presses} presses, ${seconds.toFixed(1)} s from the start of the daemon to the chart`);
    assert.ok(hands.presses <= MOST_PRESSES, `${hands.presses} presses`);
    assert.ok(seconds <= MOST_SECONDS, `${seconds} s`);

    // The arrow keys move through the topics; Enter opens one.
    await hands.to(page.getByRole('tree'), 'the topics');
    await page.getByRole('treeitem', { name: /sim-03/ }).waitFor();
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /sim-04/ }).waitFor();

    // A board of their own, by the wizard.
    await hands.press(page.getByRole('navigation').getByRole('link', { name: called('Appareils', 'Devices') }), 'the devices');
    await hands.press(page.getByRole('link', { name: called('Ajouter', 'Add') }).first(), 'a new device');
    const kinds = page.getByRole('radiogroup').first();
    await hands.to(kinds, 'the kinds');
    for (let at = 0; at < 30 && !(await page.getByRole('radio', { name: /MicroPython/, checked: true }).count()); at += 1) await page.keyboard.press('ArrowDown');
    await hands.press(button('Continuer', 'Continue'), 'on to the name');
    await hands.to(page.getByLabel(called('Nom$', 'Name$')), 'the name');
    await page.keyboard.type('serre-01');
    await hands.press(button('Créer', 'Create'), 'the making');
    await page.locator('[data-qr]').waitFor();
    await shot(page, `keyboard-made-${language}`);
    const password = (await page.locator('main').innerText()).match(/[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}/)[0];
    const { ca } = await daemon.device(t, 'pour-ca');
    const { ports } = await daemon.call('site_status');
    const device = (await daemon.call('device_list')).find(({ id }) => id === 'serre-01');
    const knocked = await run('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(ports.mqtts), '--cafile', ca,
      '-u', 'serre-01', '-P', password, '-i', 'serre-01', '-q', '1', '-t', `${device.branch}/measures`, '-m', '{"temperature": 21.5}']);
    assert.equal(knocked.code, 0, knocked.stderr);
    await page.getByText(/21[,.]5/).first().waitFor();
    await shot(page, `keyboard-connected-${language}`);
    assert.deepEqual(page.faults, []);
  });
}
