// A phone with phyphox, as far as it goes without a phone: its code is scanned, the experiment
// fetched as the app fetches it, read as the app reads it, and its posts are replayed.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { browser } from '../harness/browser.mjs';
import { Daemon } from '../harness/daemon.mjs';
import { PYTHON, freePorts, run, scratch, until } from '../harness/processes.mjs';

/** The part of phyphox's file format 1.10 that may stand in an experiment: elements by their parent,
 * attributes by what they must look like. Whatever is not here, the app would not know. */
const ANY = /^.+$/;
const FORMAT = {
  '/phyphox': { version: /^1\.(?:[89]|1\d)$/ },
  'phyphox/title': {}, 'phyphox/category': {}, 'phyphox/description': {},
  'phyphox/data-containers': {}, 'data-containers/container': { size: /^\d+$/ },
  'phyphox/input': {}, 'input/sensor': { type: /^(?:accelerometer|gyroscope|light|pressure|magnetic_field)$/, rate: /^\d+$/ },
  'sensor/output': { component: /^[xyzt]$/ },
  'phyphox/views': {}, 'views/view': { label: ANY },
  'view/graph': { label: ANY, labelX: ANY, unitX: ANY, labelY: ANY, unitY: ANY, partialUpdate: /^(?:true|false)$/ },
  'graph/input': { axis: /^[xy]$/ },
  'view/value': { label: ANY, unit: ANY, precision: /^\d$/ }, 'value/input': {},
  'phyphox/network': {},
  'network/connection': { id: /^\w+$/, address: /^http:\/\//, service: /^http\/post$/, conversion: /^none$/, autoConnect: /^true$/, interval: /^[\d.]+$/, privacy: /^http:\/\// },
  'connection/send': { id: /^\w+$/, type: /^buffer$/, datatype: /^number$/ },
};

const READ = `
import json, sys, xml.etree.ElementTree as E
tree = lambda e: {'tag': e.tag, 'attributes': e.attrib, 'text': (e.text or '').strip(), 'children': [tree(c) for c in e]}
print(json.dumps(tree(E.fromstring(sys.stdin.buffer.read()))))
`;

async function experiment(bytes) {
  const read = await run(PYTHON, ['-c', READ], { input: bytes });
  assert.equal(read.code, 0, read.stderr);
  const all = [];
  const walk = (element, parent) => {
    const form = FORMAT[`${parent}/${element.tag}`];
    assert.ok(form, `${element.tag} in ${parent}`);
    for (const [name, value] of Object.entries(element.attributes)) assert.match(value, form[name] ?? /^$/, `${element.tag} ${name}`);
    for (const name of Object.keys(form)) assert.ok(name in element.attributes, `${element.tag} without ${name}`);
    all.push(element);
    for (const child of element.children) walk(child, element.tag);
  };
  walk(JSON.parse(read.stdout), '');
  const of = (tag) => all.filter((element) => element.tag === tag);
  const buffers = new Set(of('container').map(({ text }) => text));
  for (const { tag, text } of [...of('input'), ...of('output'), ...of('send')].filter(({ children }) => children.length === 0)) assert.ok(buffers.has(text), `${tag} of ${text}`);
  return of;
}

/** What the app sends of its buffers, the newest value of each (Android's way of saying JSON). */
function post(of, buffers) {
  const [connection] = of('connection');
  const body = Object.fromEntries(of('send').map(({ attributes, text }) => [attributes.id, Number.isNaN(buffers[text]) ? null : buffers[text]]));
  return fetch(connection.attributes.address, { method: 'POST', headers: { 'content-type': 'application/json; utf-8' }, body: JSON.stringify(body) });
}

test('a phone scans its code, fetches the experiment, and its values are live as that device', { timeout: 60_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  await daemon.startSite();
  const [plain] = await freePorts(1);
  await daemon.call('guests_switch', { open: true, port: plain });
  const handed = await daemon.call('device_create', { id: 'tel-lea', group: 'guests', kind: 'phyphox', language: 'fr' });
  const link = handed.app_link;
  assert.ok(link.until_ms > Date.now() && link.until_ms <= Date.now() + 15 * 60_000);

  const page = await (await browser(t)).newPage();
  await page.setContent(`<img style="width:168px;image-rendering:pixelated" src="data:image/svg+xml;base64,${Buffer.from(link.qr_svg).toString('base64')}">`);
  const picture = path.join(scratch(t), 'code.png');
  await page.locator('img').screenshot({ path: picture });
  const scanned = (await run('zbarimg', ['--quiet', '--raw', picture])).stdout.trim();
  const { claim } = daemon.status.ports;
  assert.match(scanned, new RegExp(`^phyphox://127\\.0\\.0\\.1:${claim}/x/[0-9A-HJKMNP-TV-Z]{16}\\.phyphox$`));
  // The app asks by HTTPS first; this door has none, and says so by no answer that could be mistaken.
  const url = scanned.replace('phyphox://', 'http://');
  await assert.rejects(fetch(url.replace('http://', 'https://')));
  const fetched = await until(async () => { const answer = await fetch(url); return answer.ok && answer; }, 'the plain door is open');
  assert.match(fetched.headers.get('cache-control'), /no-store/);
  const bytes = Buffer.from(await fetched.arrayBuffer());
  assert.ok(bytes.equals(Buffer.from(handed.files.find((file) => file.name === 'courtier.phyphox').text)));
  assert.ok(!bytes.includes(handed.password), 'not the password');
  const of = await experiment(bytes);
  assert.equal(of('connection')[0].attributes.address, handed.ingest_url);
  const privacy = await (await fetch(of('connection')[0].attributes.privacy)).text();
  assert.match(privacy, /pseudonym/);

  const answer = await post(of, { accX: 0.25, accY: -9.81, accZ: NaN });
  assert.equal(answer.status, 204);
  const topic = 'salle114/guests/tel-lea/measures';
  const detail = await until(async () => { return daemon.call('topic_read', { topic }); }, 'the value is live');
  assert.equal(detail.publisher, 'tel-lea');
  assert.deepEqual(JSON.parse(Buffer.from(detail.payload_base64, 'base64').toString()), { accX: 0.25, accY: -9.81, accZ: null });
  const device = (await daemon.call('device_list')).find(({ id }) => id === 'tel-lea');
  assert.ok(device.last_seen_ms, JSON.stringify(device));

  // Fetching burns nothing, because the app fetches again; it ends with the device, its password, its zone.
  assert.equal((await fetch(url)).status, 200);
  assert.equal((await fetch(url.replace(/\/x\/.*/, '/x/0123456789ABCDEF.phyphox'))).status, 404);
  assert.equal((await fetch(url.replace('.phyphox', ''))).status, 404);
  await daemon.call('guests_switch', { open: false, port: null });
  assert.equal((await fetch(url)).status, 404);
  await daemon.call('guests_switch', { open: true, port: plain });
  assert.equal((await fetch(url)).status, 200);
  const again = (await daemon.call('device_reissue', { id: 'tel-lea' })).app_link.url.replace('phyphox://', 'http://');
  assert.equal((await fetch(url)).status, 404);
  assert.equal((await fetch(again)).status, 200);
  assert.equal((await post(of, { accX: 1, accY: 1, accZ: 1 })).status, 404, 'the old address is no more');
  await daemon.call('device_revoke', { id: 'tel-lea' });
  assert.equal((await fetch(again)).status, 404);
  for (let at = 0; at < 12; at += 1) await (await fetch(url)).arrayBuffer();
  assert.equal((await fetch(url)).status, 429, 'whoever guesses waits');
});
