// A live link, read by the programs that it is for: LibreOffice and pandas, from its address alone.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';
import { Daemon } from '../harness/daemon.mjs';
import { FRENCH_CSV, Office } from '../harness/office.mjs';
import { PYTHON, run, until } from '../harness/processes.mjs';

const TOPIC = 'salle114/groupe-a/serre-04/mesures';

async function site(t) {
  const daemon = await Daemon.start(t, { env: { RUST_LOG: 'trace' } });
  await daemon.startSite();
  await daemon.call('device_create', { id: 'serre-04', group: 'groupe-a', kind: 'other', language: 'fr' });
  daemon.says = (temp) => daemon.call('message_publish', { topic: TOPIC, payload: JSON.stringify({ temp }), qos: 1, retain: false });
  daemon.link = async (shows) => {
    const made = await daemon.call('feed_create', { name: 'TP 3', filter: 'salle114/#', shows, days: 30 });
    assert.match(made.url, /^http:\/\/127\.0\.0\.1:\d+\/x\/[0-9A-HJKMNP-TV-Z]{26}\/$/);
    await until(() => get(`${made.url}fr.csv`).then(({ status }) => status === 200), 'the door of the link');
    return made;
  };
  return daemon;
}

function get(url, headers = {}) {
  return new Promise((resolve, reject) => {
    http.get(url, { headers }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(parts).toString() }));
    }).on('error', reject);
  });
}

test('LibreOffice in French and pandas read the address, and the new values at the next look', async (t) => {
  const daemon = await site(t);
  const office = new Office(t);
  await daemon.says(21.5);
  const last = await daemon.link('last');
  const [{ rows, formulas }] = await office.read(`${last.url}fr.csv`, FRENCH_CSV);
  assert.deepEqual(rows[0], ['appareil', 'sujet', 'champ', 'valeur', 'message', 'heure locale']);
  assert.deepEqual(rows[1].slice(0, 4), ['serre-04', TOPIC, 'temp', 21.5]);
  assert.ok(rows[1][5].date, JSON.stringify(rows[1]));
  assert.deepEqual(formulas, []);
  await daemon.says(-3.25);
  const again = await office.read(`${last.url}fr.csv`, FRENCH_CSV);
  assert.equal(again[0].rows[1][3], -3.25);
  const hour = await daemon.link('hour');
  const script = 'import pandas as pd, sys; f = pd.read_csv(sys.argv[1], parse_dates=["local time"]); print(f["temp"].iloc[-1], f["local time"].dtype)';
  const { stdout, stderr } = await run(PYTHON, ['-c', script, `${hour.url}plain.csv`]);
  assert.match(stdout, /^-3\.25 datetime64/, stderr);
  assert.equal((await get(`${last.url}fr.txt?field=temp`)).text, '-3,25');
  assert.equal((await get(`${last.url}plain.txt?field=temp&topic=${encodeURIComponent(TOPIC)}`)).text, '-3.25');
});

test('a link reads, and is nothing else: not written down, not guessed, gone when revoked', async (t) => {
  const daemon = await site(t);
  await daemon.says(1);
  const link = await daemon.link('last');
  const token = link.url.split('/').at(-2);
  const answer = await get(`${link.url}fr.csv`);
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(answer.headers['access-control-allow-origin'], undefined);
  const { origin } = new URL(link.url);
  // Neither the interface nor a command is behind this door, and a name that was pointed here is refused.
  for (const wrong of ['/', '/api/site_status', '/files/export/1', `/x/${token}/../../api/site_status`]) assert.equal((await get(origin + wrong)).status, 404, wrong);
  assert.equal((await get(`${link.url}fr.csv`, { host: 'evil.example' })).status, 403);
  const post = await fetch(`${link.url}fr.csv`, { method: 'POST', body: 'x' });
  assert.equal(post.status, 405);
  const guess = await get(`${origin}/x/${'0'.repeat(26)}/fr.csv`);
  assert.equal(guess.status, 404);
  const everything = fs.readdirSync(daemon.data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => fs.readFileSync(path.join(entry.parentPath, entry.name), 'latin1')).join('\n');
  assert.ok(!everything.includes(token), 'on disk stands a hash alone');
  assert.ok(!daemon.program.lines.join('\n').includes(token), 'no journal holds it');
  await daemon.call('feed_revoke', { id: link.feed.id });
  // The door itself closes with its last link.
  await until(() => get(`${link.url}fr.csv`).then(() => false, () => true), 'the closed door');
  const [last] = (await daemon.call('feed_list')).slice(-1);
  assert.equal(last, undefined);
});
