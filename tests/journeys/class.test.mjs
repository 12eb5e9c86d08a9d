// Thirty devices in ten groups: made in one go, printed, scanned from the paper, connected, and each
// kept out of the branch of another.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import vm from 'node:vm';
import mqtt from 'mqtt';
import { Daemon } from '../harness/daemon.mjs';
import { run, scratch, until } from '../harness/processes.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const phone = vm.createContext({ Uint8Array, Uint32Array, DataView, ArrayBuffer, BigInt, Math });
vm.runInContext(fs.readFileSync(path.join(root, 'crates/headless/claim/crypto.js'), 'utf8'), phone);
const { claimId, openSealed } = phone.courtierClaim;

/** A camera comes nearer until it reads: zbar misses a code of a full sheet at one size or another. */
const SIZES_DPI = [200, 250, 300, 400];
const CLAIM = /^http:\/\/127\.0\.0\.1:(\d+)\/c#([0-9A-HJKMNP-TV-Z]{26})$/;
const sheet = (format, passwords = false) => ({ format, passwords, cut_lines: true, language: 'fr' });

/** A PDF on disk, its text, and how many sheets it has; it must print on A4 without scaling. */
async function printed(t, base64) {
  const file = path.join(scratch(t, 'sheets-'), 'cards.pdf');
  fs.writeFileSync(file, Buffer.from(base64, 'base64'));
  const info = (await run('pdfinfo', [file])).stdout;
  assert.match(info, /Page size:\s+595\.\d+ x 841\.\d+ pts \(A4\)/);
  const { stdout: text } = await run('pdftotext', ['-layout', file, '-']);
  return { file, text, sheets: Number(info.match(/Pages:\s+(\d+)/)[1]) };
}

/** What zbar reads on the sheets, drawn as pictures. */
async function codes({ file }, wanted) {
  const found = new Set();
  for (const dpi of SIZES_DPI) {
    const prefix = `${file}-${dpi}`;
    const drawn = await run('pdftoppm', ['-r', String(dpi), '-gray', '-png', file, prefix]);
    assert.equal(drawn.code, 0, drawn.stderr);
    const pictures = fs.readdirSync(path.dirname(file)).filter((name) => name.startsWith(`cards.pdf-${dpi}`) && name.endsWith('.png'));
    const { stdout } = await run('zbarimg', ['--quiet', '--raw', '-Sdisable', '-Sqrcode.enable', ...pictures.map((name) => path.join(path.dirname(file), name))]);
    for (const line of stdout.trim().split('\n').filter(Boolean)) {
      assert.match(line, CLAIM);
      found.add(line);
    }
    if (found.size >= wanted) break;
  }
  assert.equal(found.size, wanted, 'each of the codes is decoded');
  return [...found];
}

/** What a phone does with the code of a card. */
async function scan(url) {
  const [, port, token] = CLAIM.exec(url);
  const answer = await fetch(`http://127.0.0.1:${port}/c/${claimId(token)}`, { method: 'POST' });
  if (answer.status !== 200) return { status: answer.status };
  const sealed = new Uint8Array(await answer.arrayBuffer());
  return { status: 200, ...JSON.parse(new TextDecoder().decode(openSealed(token, sealed))) };
}

function connect(status, card, more = {}) {
  const client = mqtt.connect({
    protocol: 'mqtts', host: '127.0.0.1', port: status.ports.mqtts, ca: card.ca_pem, protocolVersion: 5,
    clientId: card.user, username: card.user, password: card.password, reconnectPeriod: 0, ...more,
  });
  return new Promise((resolve, reject) => {
    client.once('connect', () => { client.on('error', () => {}); resolve(client); });
    client.once('error', reject);
  });
}

const publish = (client, topic) => new Promise((resolve) => client.publish(topic, '1', { qos: 1, retain: true }, (error, packet) => resolve(error?.code ?? packet?.reasonCode ?? 0)));
const subscribe = (client, filter) => new Promise((resolve) => client.subscribe(filter, { qos: 1 }, (error, granted, packet) => resolve(packet?.granted?.[0] ?? error?.code ?? granted?.[0]?.qos)));

async function create(daemon) {
  const source = { from: 'pattern', groups: 10, devices: 3, group_pattern: 'groupe-{letter}', device_pattern: '{group}-{n:02}' };
  const preview = await daemon.call('class_preview', { source, kind: 'other' });
  assert.deepEqual([preview.rows.length, preview.groups, preview.faulty], [30, 10, 0]);
  return daemon.call('class_create', { rows: preview.rows.map(({ row }) => row), kind: 'other', sheet: sheet('cards'), bundles: false });
}

/** Everything the daemon tells, with the moment at which it could be read here. */
function listen(daemon) {
  const heard = [];
  let on = true;
  const done = (async () => {
    let next = 0;
    while (on) {
      const page = await daemon.call('event_list', { since: next, wait_ms: 200, device: null });
      const at = performance.now();
      next = page.next;
      assert.equal(page.lost, 0);
      heard.push(...page.events.map((event) => ({ ...event, at })));
    }
  })();
  return { heard, stop: () => { on = false; return done; } };
}

test('thirty devices in ten groups, from the paper to the broker and no further', { timeout: 180_000 }, async (t) => {
  const data = scratch(t);
  let daemon = await Daemon.start(t, { data });
  const status = await daemon.startSite();
  const began = performance.now();
  const handed = await create(daemon);
  const tookMs = performance.now() - began;
  t.diagnostic(`30 devices and their PDF in ${Math.round(tookMs)} ms`);
  assert.ok(tookMs < 60_000);
  assert.equal(handed.sheets, 3);
  assert.ok(handed.devices.every(({ awaits_claim }) => awaits_claim));

  // The cards outlive the daemon.
  await daemon.program.stop();
  daemon = await Daemon.start(t, { data });
  const paper = await printed(t, handed.pdf_base64);
  assert.equal(paper.sheets, 3);
  for (const word of ['groupe-j-03', 'salle114.local', 'Salle 114', 'measures']) assert.ok(paper.text.includes(word), word);
  const cards = await codes(paper, 30);

  const claimed = await Promise.all(cards.map(scan));
  assert.deepEqual(claimed.map(({ status: code }) => code), cards.map(() => 200));
  assert.equal(new Set(claimed.map(({ password }) => password)).size, 30);
  assert.equal((await scan(cards[0])).status, 404, 'a card is used once');
  for (const { password } of claimed) assert.ok(!paper.text.includes(password), 'no password is on the paper');

  const clients = await Promise.all(claimed.map((card) => connect(status, card)));
  t.after(() => clients.forEach((client) => client.end(true)));
  const online = await until(async () => {
    const devices = await daemon.call('device_list');
    return devices.every(({ state }) => state === 'online') && devices;
  }, 'all thirty are online');
  assert.equal(online.length, 30);
  const branches = claimed.map(({ topic }) => topic.replace(/\/measures$/, ''));
  assert.deepEqual(await Promise.all(clients.map((client, at) => publish(client, claimed[at].topic))), clients.map(() => 0));

  await nobodyLeavesTheBranch(daemon, status, claimed, clients, branches);
});

async function nobodyLeavesTheBranch(daemon, status, claimed, clients, branches) {
  const stray = [];
  clients.forEach((client) => client.on('message', (topic) => stray.push(topic)));
  const events = listen(daemon);
  const other = (at) => branches[(at + 1) % branches.length];
  const will = (at) => ({ clientId: `${claimed[at].user}-w`.slice(0, 23), will: { topic: `${other(at)}/measures`, payload: 'x', qos: 1, retain: false } });
  const attempts = [
    ['publish_denied', (at) => `${other(at)}/measures`, (at) => publish(clients[at], `${other(at)}/measures`)],
    ...[() => '#', () => 'salle114/+/+/measures', () => '$share/all/salle114/#', (at) => `${other(at)}/measures`]
      .map((filter) => ['subscribe_denied', filter, (at) => subscribe(clients[at], filter(at))]),
    ['will_denied', (at) => `${other(at)}/measures`, (at) => connect(status, claimed[at], will(at)).then(() => 0, (error) => error.code ?? 1)],
  ];
  let slowest = 0;
  for (const [cause, topic, attempt] of attempts) {
    const tried = await Promise.all(clients.map(async (_, at) => {
      const code = await attempt(at);
      return { code, at: performance.now(), device: claimed[at].user, topic: topic(at) };
    }));
    assert.ok(tried.every(({ code }) => code >= 128), `${cause} ${topic(0)}: ${tried.map(({ code }) => code)}`);
    for (const { device, topic: wanted, at } of tried) {
      const fits = (event) => event.device === device && event.refusal?.cause === cause && (event.topic === wanted || wanted.endsWith(event.topic));
      const told = await until(() => events.heard.find(fits), `${device} ${cause} ${wanted} is told`, 5_000);
      slowest = Math.max(slowest, told.at - at);
    }
  }
  await events.stop();
  assert.deepEqual(stray, [], 'nothing of another was delivered, retained or live');
  assert.ok(slowest < 1_000, `the slowest denial was shown after ${Math.round(slowest)} ms`);
}

test('labels of thirty are read as well, and a reprint leaves devices alone until it is scanned', { timeout: 120_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  const status = await daemon.startSite();
  const first = await create(daemon);
  const ids = first.devices.map(({ id }) => id);
  const labels = await daemon.call('class_sheet', { ids, sheet: sheet('labels'), bundles: false });
  assert.equal(labels.sheets, 1);
  const cards = await codes(await printed(t, labels.pdf_base64), 30);
  const old = await codes(await printed(t, first.pdf_base64), 30);
  assert.equal((await scan(old[0])).status, 404, 'cards that were printed again open nothing');

  const card = await scan(cards[0]);
  const client = await connect(status, card);
  t.after(() => client.end(true));
  const again = await daemon.call('class_sheet', { ids: [card.user], sheet: sheet('labels', true), bundles: false });
  assert.deepEqual(again.reissued, [card.user]);
  await until(() => !client.connected, 'the old password has ended');
  const clear = await printed(t, again.pdf_base64);
  const password = clear.text.match(/[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}/)?.[0];
  (await connect(status, { ...card, password })).end(true);

  const quiet = await daemon.call('class_sheet', { ids: [card.user], sheet: sheet('cards'), bundles: false });
  assert.deepEqual(quiet.reissued, []);
  const running = await connect(status, { ...card, password });
  t.after(() => running.end(true));
  const [code] = await codes(await printed(t, quiet.pdf_base64), 1);
  const fresh = await scan(code);
  await until(() => !running.connected, 'the scan ends the password before');
  await assert.rejects(connect(status, { ...card, password }));
  (await connect(status, fresh)).end(true);
});
